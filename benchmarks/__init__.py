"""Measurements for developers, ``python -m benchmarks.NAME``; not installed with the package."""

import sys

from srdgan_rt.signals import end_while_loading

if sys.argv[0] == "-m":  # Python has not yet loaded the command that it is to run
    end_while_loading()
