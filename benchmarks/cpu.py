"""Times all engines on this machine's CPU, ours and the peers in turn, and writes the figures into files.

    python -m benchmarks.cpu
    python -m benchmarks.cpu --nets 25x64x32 --sizes 64 128 --threads 2 --without torch "ncnn bf16 storage"

One file a net, named by date, processor and net, is written anew after every size and number of threads. Called again
on the same day and kind of processor, the script measures only what the file does not have. Load time and peak memory,
which need another start and run of every engine, are measured only with the first number of threads. Only a quiet
machine gives times worth keeping. ``benchmarks.tables`` and ``benchmarks.roofline`` show the figures.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.native import require_native
from srdgan_rt.bench import Report, run_suite
from srdgan_rt.bench.engines import OURS
from srdgan_rt.bench.machine import describe_machine
from srdgan_rt.bench.nets import open_model
from srdgan_rt.bench.peers import PEERS
from srdgan_rt.bench.report import Case
from srdgan_rt.bench.report_file import read_report, write_report
from srdgan_rt.bench.timing import MIN_ROUNDS
from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser, one_line_errors

NETS = ("srdgan-x4-fast", "25x64x32")
SIZES = (64, 128, 256, 512)
THREADS = (2, 1)
LEFT_OUT = ("torch",)  # what it runs is torch eager channels_last
RESULTS = Path(__file__).parent / "results"


def name_result(folder: Path, model: str, core: str, isa: str) -> Path:
    """The file for today's measurements of a net on a processor."""
    return folder / f"{datetime.date.today().isoformat()}_{core}-{isa}_{Path(model).stem}.json"


def choose_sizes(model: str, sizes: Sequence[int], *, once_above: float, max_tflop: float | None) -> dict[int, int]:
    """How often each size is to be timed at least.

    Args:
        model: the net.
        sizes: sides of square LR pictures.
        once_above: 10^12 operations of one picture above which it need be timed only once.
        max_tflop: those above which it is not timed at all; None for no limit.

    Returns:
        Least number of rounds by size.

    Raises:
        InputError: a size is below 1.
        CheckpointError: the model cannot be loaded.
    """
    if min(sizes) < 1:
        raise InputError(f"sizes must be at least 1, got {min(sizes)}")
    spec = open_model(model).spec
    tflop = {size: 2 * spec.macs_per_pixel * size**2 / 1e12 for size in sizes}
    return {
        size: 1 if tflop[size] > once_above else MIN_ROUNDS
        for size in sizes
        if max_tflop is None or tflop[size] <= max_tflop
    }


def drop_cases(report: Report, cases: Container[Case]) -> Report:
    """The report without these cases."""
    return replace(
        report,
        measurements=tuple(row for row in report.measurements if row.case not in cases),
        comparisons=tuple(row for row in report.comparisons if row.case not in cases),
    )


def measure_net(model: str, chosen: Mapping[int, int], path: Path, options: argparse.Namespace) -> None:
    """Measures what the file does not have yet, and writes it after each case.

    Args:
        model: the net.
        chosen: as :func:`choose_sizes` gives them.
        path: the file.
        options: of the command line.

    Raises:
        InputError: an option is out of range, or the file is no report of this net.
        CheckpointError: the model cannot be loaded.
    """
    report = read_report(path) if path.exists() else None
    if report is not None and options.again:
        report = drop_cases(report, {(size, size, threads) for size in chosen for threads in options.threads})
    path.parent.mkdir(parents=True, exist_ok=True)
    for min_rounds in dict.fromkeys(chosen.values()):
        report = run_suite(
            model,
            [(size, size) for size in chosen if chosen[size] == min_rounds],
            peers=True,
            threads=options.threads,
            seconds=options.seconds,
            rounds=options.rounds,
            min_rounds=min_rounds,
            leave_out=options.without,
            weigh_once=True,
            done=report,
            save=lambda found: write_report(path, found),
            say=lambda message: print(f"{model}, {message}", file=sys.stderr, flush=True),
        )


def measure_nets(options: argparse.Namespace) -> None:
    """Measures all nets, and prints the files' names."""
    limits = {"once_above": options.once_above, "max_tflop": options.max_tflop}
    chosen = {model: choose_sizes(model, options.sizes, **limits) for model in options.nets}  # all, before hours pass
    machine = describe_machine()
    for model, sizes in chosen.items():
        path = name_result(options.output, model, options.core or machine.core, machine.isa)
        measure_net(model, sizes, path, options)
        if path.exists():  # all sizes may have been too large
            print(path)


def make_parser() -> CommandParser:
    """The command line's options."""
    parser = CommandParser(__doc__)
    parser.add_argument("--nets", nargs="+", default=NETS, help="models, or sizes such as 25x64x32 for random weights")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="sides of the square LR pictures")
    parser.add_argument("--threads", type=int, nargs="+", default=THREADS)
    parser.add_argument("--seconds", type=float, default=5.0, help="time to spend per engine, size and threads")
    parser.add_argument("--rounds", type=int, help="exact number of timed runs instead")
    parser.add_argument(
        "--once-above",
        type=float,
        default=1.0,
        metavar="TFLOP",
        help=f"pictures of more work than this may be timed once, not {MIN_ROUNDS} times (default: %(default)s)",
    )
    parser.add_argument(
        "--max-tflop", type=float, metavar="TFLOP", help="leave out pictures that take more work than this"
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=LEFT_OUT,
        choices=(*OURS, *PEERS),
        metavar="ENGINE",
        help=f"engines to leave out, of {', '.join((*OURS, *PEERS))} (default: {', '.join(LEFT_OUT)})",
    )
    parser.add_argument("--core", help="the processor's name in that of the file, where a virtual machine hides it")
    parser.add_argument("--again", action="store_true", help="measure again what the file already has")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder for the files")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if "native" not in options.without:
        require_native(parser)
    with one_line_errors(parser):
        measure_nets(options)


if __name__ == "__main__":
    main()
