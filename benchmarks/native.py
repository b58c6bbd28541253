"""The check with which every benchmark of our own kernels begins."""

from __future__ import annotations

import argparse

from srdgan_rt import _ext


def require_native(parser: argparse.ArgumentParser) -> None:
    """Ends the program with one line and status 1 where the compiled extension cannot be used."""
    reason = _ext.why_not()
    if reason is not None:
        parser.exit(1, f"{parser.prog}: error: the compiled kernels are to be measured: {reason}\n")
