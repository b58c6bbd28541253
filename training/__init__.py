"""The trainer of the project; not installed with the package. See docs/training.md."""

import sys

from srdgan_rt.signals import end_while_loading

if sys.argv[0] == "-m":  # Python has not yet loaded the command that it is to run
    end_while_loading()
