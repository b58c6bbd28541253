"""``srdgan-rt bench``: speed and memory of the engines on this machine."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from srdgan_rt.cli import options
from srdgan_rt.cli.failures import FAILED, say
from srdgan_rt.errors import InputError

if TYPE_CHECKING:
    from srdgan_rt.bench import Report

_TABLE_WIDTH = 120  # characters, where stdout is not a terminal


def bench(
    model: options.Model = None,
    net: Annotated[
        str | None,
        typer.Option(
            metavar="BLOCKSxFEATURESxGROWTH",
            help="Time a net of these sizes with random weights, such as 25x64x32, instead of a model.",
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        list[str], typer.Option("--size", metavar="N|WxH", help="Size of the input picture; may be repeated.")
    ] = ["256"],  # noqa: B006 (typer copies it)
    peers: Annotated[bool, typer.Option("--peers", help="Also time other engines that are installed.")] = False,
    threads: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Number of threads; may be repeated.", show_default="PyTorch's choice"),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time to spend per engine, size and number of threads.")] = 5.0,
    rounds: Annotated[int | None, typer.Option(min=1, help="Exact number of timed runs, instead of --seconds.")] = None,
    as_json: options.Json = False,
) -> None:
    """Times the engines on this machine's CPU.

    All engines run the same weights on the same picture, in turn, after a warm-up. Operations are counted as for direct
    convolution, whatever algorithm an engine uses. The peak is that of a 2048 x 2048 x 2048 fp32 matrix product,
    measured in turn with the engines. Load time (load s) and peak memory (MiB) are measured in a separate process for
    each engine, without caches from earlier runs. Timings mean nothing while other programs run.
    """
    if model is not None and net is not None:
        raise InputError(f"--net and --model exclude each other, got {net!r} and {model!r}")
    parsed_sizes = [_parse_size(size) for size in sizes]
    # Imported only now: they load PyTorch, and help and wrong usage should answer at once.
    from srdgan_rt.bench import run_suite
    from srdgan_rt.bench.nets import parse_sizes
    from srdgan_rt.checkpoint import DEFAULT_MODEL

    if net is not None:
        parse_sizes(net)  # refuses a name or path
    report = run_suite(
        net or model or DEFAULT_MODEL,
        parsed_sizes,
        peers=peers,
        threads=threads or (),
        seconds=seconds,
        rounds=rounds,
        say=say,
    )
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        _print_tables(report)
    if not report.measurements:
        raise typer.Exit(FAILED)


def _parse_size(text: str) -> tuple[int, int]:
    """``256`` or ``640x480`` (width x height) as (height, width)."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if match is None or 0 in (width := int(match[1]), height := int(match[2] or match[1])):
        raise InputError(f"--size must be N or WIDTHxHEIGHT in pixels, got {text!r}")
    return height, width


def _print_tables(report: Report) -> None:
    from srdgan_rt.bench.table import HEADINGS, make_tables

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _TABLE_WIDTH
    for table in make_tables(report):
        drawn = Table(title=table.title, title_justify="left")
        drawn.add_column(HEADINGS[0])
        for heading in HEADINGS[1:]:
            drawn.add_column(heading, justify="right")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
        for note in table.notes:
            console.print(note, markup=False)
    for engine, reason in report.left_out.items():
        console.print(f"left out: {engine}: {reason}", markup=False)
