"""Compares this checkout with another one: ``python -m benchmarks.before_after OTHER``.

OTHER is a checkout of an earlier commit with its extension built in place (``git worktree add OTHER COMMIT``, then
``python setup.py build_ext --inplace`` there). Both upscale the same random pictures, in processes of their own that
take turns. Times are CPU time of one thread, so another program disturbs them less. One process can be off by 3 %, so
the figure to look at is the ratio of the medians over several turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path

from benchmarks.child import run_python
from benchmarks.command import run_benchmark
from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser

SIZES = (64, 128, 256)
_HERE = Path(__file__).resolve().parent.parent
_CHILD = _HERE / "benchmarks" / "upscaling_time.py"


def _time_in(checkout: Path, model: str, side: int, seconds: float) -> tuple[float, str]:
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    words = [str(_CHILD), model, str(side), str(seconds)]
    best, digest = json.loads(run_python(words, environment, checkout).splitlines()[-1])
    return best, digest


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each size.

    Raises:
        InputError: there is no such checkout, or it was not built.
        SrdganError: one of the processes failed.
    """
    other = arguments.other.resolve()
    if not (other / "srdgan_rt" / "_C.build.json").exists():
        raise InputError(f"{other} has no extension: run python setup.py build_ext --inplace there")
    print("| LR size | other (ms) | this (ms) | this / other | results |\n|---|---|---|---|---|")
    for side in arguments.sizes:
        task = (arguments.model, side, arguments.seconds)
        turns = [(_time_in(other, *task), _time_in(_HERE, *task)) for _ in range(arguments.turns)]
        before, after = (1000 * statistics.median(turn[i][0] for turn in turns) for i in (0, 1))
        same = len({digest for turn in turns for _, digest in turn}) == 1
        figures = f"{before:.1f} | {after:.1f} | {after / before:.3f} | {'bit-identical' if same else 'differ'}"
        print(f"| {side}×{side} | {figures} |", flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--model", default="srdgan-x4-fast")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="SIDE", help="LR pixels a side")
    parser.add_argument("--turns", type=int, default=7, help="processes for each checkout (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="in each process (default: %(default)s)")
    run_benchmark(parser, print_table)


if __name__ == "__main__":
    main()
