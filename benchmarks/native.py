"""The check with which every benchmark of our own kernels begins."""

from __future__ import annotations

from srdgan_rt import _ext
from training.cli.parser import CommandParser


def require_native(parser: CommandParser) -> None:
    """Ends the program with one line and status 1 where the compiled extension cannot be used."""
    reason = _ext.why_not()
    if reason is not None:
        parser.fail(f"the compiled kernels are to be measured: {reason}")
