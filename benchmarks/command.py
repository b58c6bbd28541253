"""The command line of a benchmark, once its options are declared."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks.native import require_native
from training.cli.parser import CommandParser, one_line_errors


def run_benchmark(
    parser: CommandParser, measure: Callable[[argparse.Namespace], None], *, native: bool = False
) -> None:
    """Reads the options, then measures; errors are one line.

    Args:
        parser: knows the options.
        measure: called with them; prints what it finds.
        native: whether our own kernels are measured, which must be there then.
    """
    arguments = parser.parse_args()
    if native:
        require_native(parser)
    with one_line_errors(parser):
        measure(arguments)
