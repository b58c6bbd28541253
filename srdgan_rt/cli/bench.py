"""``srdgan-rt bench``: speed and memory of the engines on this machine."""

from __future__ import annotations

import json
import os
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
        list[str] | None,
        typer.Option(
            "--size",
            metavar="N|WxH",
            help="Size of the input picture; may be repeated.",
            show_default="256; with --latency, typical zooms",
        ),
    ] = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Time Session and Upscaler picture by picture, each in its own process.")
    ] = False,
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

    With --latency, the table shows milliseconds until the first result of a new process (import, load, first picture),
    and those that 50, 95 and 99 per cent of the later pictures do not exceed.
    """
    if model is not None and net is not None:
        raise InputError(f"--net and --model exclude each other, got {net!r} and {model!r}")
    parsed_sizes = [_parse_size(size) for size in sizes or ()]
    if latency:
        if net is not None or peers:
            raise InputError("--latency is for models and without peers, so not with --net and --peers")
        _bench_latency(model, parsed_sizes, threads, seconds, rounds, as_json)
        return
    # Imported only now: they load PyTorch, and help and wrong usage should answer at once.
    from srdgan_rt.bench import run_suite
    from srdgan_rt.bench.nets import parse_sizes
    from srdgan_rt.checkpoint import DEFAULT_MODEL

    if net is not None:
        parse_sizes(net)  # refuses a name or path
    report = run_suite(
        net or model or DEFAULT_MODEL,
        parsed_sizes or [(256, 256)],
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


def _bench_latency(
    model: str | None,
    sizes: list[tuple[int, int]],
    threads: list[int] | None,
    seconds: float,
    rounds: int | None,
    as_json: bool,
) -> None:
    from srdgan_rt.bench.latency import TYPICAL_ZOOMS, Zoom, measure_latencies
    from srdgan_rt.checkpoint import DEFAULT_MODEL

    zooms = tuple(Zoom(width, height) for height, width in sizes) or TYPICAL_ZOOMS
    rows = []
    for num_threads in threads or [len(os.sched_getaffinity(0))]:
        for row in measure_latencies(model or DEFAULT_MODEL, zooms, num_threads, seconds=seconds, rounds=rounds):
            say(f"{row.program}, {row.zoom}: {row.percentile(50):.0f} ms")
            rows.append(row)
    if as_json:
        print(json.dumps([row.to_dict() for row in rows], indent=2))
        return
    headings = ("program", "input", "threads", "first ms", "p50 ms", "p95 ms", "p99 ms", "pictures", "peak MiB")
    drawn = _start_table(f"{model or DEFAULT_MODEL}, milliseconds a picture", headings)
    for row in rows:
        times = (row.first_ms, *(row.percentile(percent) for percent in (50, 95, 99)))
        memory = "-" if row.peak_memory_mib is None else f"{row.peak_memory_mib:.0f}"
        cells = (row.program, str(row.zoom), str(row.num_threads), *(f"{time:.0f}" for time in times))
        drawn.add_row(*cells, str(len(row.frames_ms)), memory)
    _make_console().print(drawn)


def _parse_size(text: str) -> tuple[int, int]:
    """``256`` or ``640x480`` (width x height) as (height, width)."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if match is None or 0 in (width := int(match[1]), height := int(match[2] or match[1])):
        raise InputError(f"--size must be N or WIDTHxHEIGHT in pixels, got {text!r}")
    return height, width


def _make_console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _TABLE_WIDTH
    return console


def _start_table(title: str, headings: tuple[str, ...]) -> Table:
    """A table without rows; all columns but the first are numbers."""
    drawn = Table(title=title, title_justify="left")
    drawn.add_column(headings[0])
    for heading in headings[1:]:
        drawn.add_column(heading, justify="right")
    return drawn


def _print_tables(report: Report) -> None:
    from srdgan_rt.bench.table import HEADINGS, make_tables

    console = _make_console()
    for table in make_tables(report):
        drawn = _start_table(table.title, HEADINGS)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
        for note in table.notes:
            console.print(note, markup=False)
    for engine, reason in report.left_out.items():
        console.print(f"left out: {engine}: {reason}", markup=False)
