"""Draws results of ``benchmarks.cpu`` under the roofs of processor and memory.

    python -m benchmarks.roofline benchmarks/results/2026-11-24_*.json -o docs/images/roofline.svg

Work is counted as direct convolution, whatever an engine does. Traffic is the least that any engine has: weights,
picture and result, each moved once, in fp32. So where a point stands from left to right depends on net and picture
alone: it is the most that its intensity can be. The grey strip is where the same net stands if every convolution reads
its weights and input from memory and writes its output there, one after the other; the truth lies between.

The roofs were measured before and in turn with the engines, with as many threads, and the best of all sizes counts:
memory in a triad (two vectors read, one written), a square fp32 product, and five times that product, which is what
Winograd's F(6x6, 3x3) could make of it if its transforms cost nothing. Needs matplotlib (the extra ``report``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.bench import Measurement, Report
from srdgan_rt.bench.engines import OURS
from srdgan_rt.bench.report_file import read_report
from srdgan_rt.errors import InputError, install_hint
from training.cli.parser import CommandParser, one_line_errors
from training.plot import save_figure

WINOGRAD_GAIN = 324 / 64
"""Multiplications of direct convolution for each of F(6x6, 3x3)."""

_BYTES = 4  # of an fp32 value
_MARKERS = "osD^v<>Ph"
_COLOURS = ("C0", "C1", "C2", "C4", "C5", "C6", "C8", "C9", "0.5")  # no red: that is ours


@dataclass(frozen=True)
class Panel:
    """One net with one number of threads.

    Args:
        report: where the rows are from.
        num_threads: of all rows.
        rows: all sizes and engines.
        peak: GFLOP/s of the best product.
        bandwidth: 10^9 bytes a second of the best triad.
    """

    report: Report
    num_threads: int
    rows: tuple[Measurement, ...]
    peak: float
    bandwidth: float


def compute_intensity(report: Report, height: int, width: int) -> float:
    """Operations of direct convolution per byte of weights, picture and result, each moved once.

    Args:
        report: of the net.
        height: LR rows.
        width: LR columns.

    Returns:
        FLOP per byte: no engine can have more.
    """
    pictures = 3 * height * width * (1 + report.scale**2)
    return _count_flop(report, height, width) / (_BYTES * (report.num_parameters + pictures))


def compute_intensity_by_layer(report: Report, height: int, width: int) -> float:
    """Operations per byte if each convolution reads its weights and input and writes its output.

    Args:
        report: of the net.
        height: LR rows.
        width: LR columns.

    Returns:
        FLOP per byte.

    Raises:
        InputError: the report does not state the number of values.
    """
    if report.feature_values_per_pixel is None:
        raise InputError(f"the report of {report.model} is too old: it does not state the size of the feature maps")
    features = report.feature_values_per_pixel * height * width
    return _count_flop(report, height, width) / (_BYTES * (report.num_parameters + features))


def make_panels(report: Report) -> list[Panel]:
    """Sorts the rows of a report into panels by number of threads, most first.

    Raises:
        InputError: there are no rows, or the roofs were not measured.
    """
    panels = []
    for num_threads in sorted({row.num_threads for row in report.measurements}, reverse=True):
        rows = tuple(row for row in report.measurements if row.num_threads == num_threads)
        bandwidths = [row.peak_bandwidth for row in rows if row.peak_bandwidth is not None]
        if not bandwidths:
            raise InputError(f"the report of {report.model} is too old: it has no speed of the memory")
        panels.append(Panel(report, num_threads, rows, max(row.peak_gflops for row in rows), max(bandwidths)))
    if not panels:
        raise InputError(f"the report of {report.model} has no measurements")
    return panels


def draw_rooflines(reports: Sequence[Report], output: Path) -> None:
    """Draws a picture: one row a report, one column a number of threads.

    Args:
        reports: of one machine.
        output: file, of any format that matplotlib writes.

    Raises:
        InputError: a report lacks what is needed, they are of several machines, or matplotlib is missing.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"rooflines are drawn by matplotlib: {install_hint('report')}") from error
    title = _write_title(reports)
    lines = [make_panels(report) for report in reports]
    engines = list(dict.fromkeys(row.engine for line in lines for panel in line for row in panel.rows))
    styles = _choose_styles(engines)
    num_columns = max(map(len, lines))
    # Letters stay letters, and equal results give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "srdgan-rt", "font.size": 8}):
        figure = Figure(figsize=(4.8 * num_columns, 3.3 * len(lines) + 0.8), layout="constrained", facecolor="white")
        for line, row in zip(lines, figure.subplots(len(lines), num_columns, squeeze=False), strict=True):
            for axes in row[len(line) :]:
                axes.set_axis_off()
            for panel, axes in zip(line, row, strict=False):
                _draw_panel(axes, panel, styles)
        entries = [figure.axes[0].plot([], [], label=engine, **styles[engine])[0] for engine in engines]
        figure.legend(handles=entries, loc="outside lower center", ncols=4, frameon=False)
        figure.suptitle(title)
        save_figure(figure, output)


def _count_flop(report: Report, height: int, width: int) -> float:
    return report.mflop_per_pixel * 1e6 * height * width


def _write_title(reports: Sequence[Report]) -> str:
    """Machine and dates; they must be those of one machine."""
    machines = list(dict.fromkeys(str(report.machine) for report in reports))
    if len(machines) != 1:
        raise InputError(f"a picture shows one machine, got results of {'; '.join(machines) or 'none'}")
    return ", ".join([machines[0], *dict.fromkeys(str(report.date) for report in reports)])


def _choose_styles(engines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How matplotlib draws each engine's points: ours are red stars, in shades."""
    styles: dict[str, dict[str, Any]] = {}
    for index, engine in enumerate(engines):
        style = {"linestyle": "none", "markersize": 4, "marker": _MARKERS[index % len(_MARKERS)]}
        if engine in OURS:
            shade = list(OURS).index(engine) / len(OURS)
            styles[engine] = style | {"marker": "*", "markersize": 9, "color": (0.85 - 0.4 * shade, 0.6 * shade, 0.0)}
        else:
            styles[engine] = style | {"color": _COLOURS[index % len(_COLOURS)]}
    return styles


def _draw_panel(axes: Any, panel: Panel, styles: dict[str, dict[str, Any]]) -> None:
    """Roofs, the strip of layer by layer, and the points."""
    report = panel.report
    sizes = sorted({(row.height, row.width) for row in panel.rows})
    intensity = {size: compute_intensity(report, *size) for size in sizes}
    by_layer = [compute_intensity_by_layer(report, *size) for size in sizes]
    bottom = min(*(row.gflops for row in panel.rows), panel.peak) / 2
    left, right = bottom / panel.bandwidth, max(intensity.values()) * 2
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(bottom, WINOGRAD_GAIN * panel.peak * 2))
    axes.set_yticks(*_choose_ticks(*axes.get_ylim()))
    axes.minorticks_off()
    for gain, dashes, label in ((1, "-", "product"), (WINOGRAD_GAIN, "--", "product × 5: F(6×6, 3×3)")):
        roof = gain * panel.peak
        ridge = roof / panel.bandwidth
        axes.plot([left, ridge, right], [bottom, roof, roof], color="0.3", linestyle=dashes, linewidth=1)
        axes.annotate(f"{label}, {roof:.0f} GFLOP/s", (ridge, roof), (2, 3), textcoords="offset points", color="0.3")
    axes.annotate(
        f"memory: {panel.bandwidth:.1f} GB/s", (left, bottom), (12, 4), textcoords="offset points", color="0.3"
    )
    axes.axvspan(min(by_layer) * 0.97, max(by_layer) * 1.03, color="0.85", linewidth=0)
    axes.annotate(
        "layer by layer", (max(by_layer), bottom), (4, 4), textcoords="offset points", color="0.4", rotation=90
    )
    for engine, style in styles.items():
        rows = [row for row in panel.rows if row.engine == engine]
        axes.plot([intensity[row.height, row.width] for row in rows], [row.gflops for row in rows], **style)
    for index, (height, width) in enumerate(sizes):
        label = f"{width}" if width == height else f"{width}×{height}"
        # At two heights, for large pictures have nearly the same intensity.
        offset = (0, 4 + 9 * (index % 2))
        axes.annotate(label, (intensity[height, width], bottom), offset, textcoords="offset points", ha="center")
    axes.set(
        title=f"{report.model}, {panel.num_threads} thread{'s' * (panel.num_threads != 1)}; LR sides in pixels",
        xlabel="FLOP of direct convolution per byte of weights, picture and result",
        ylabel="GFLOP/s",
    )


def _choose_ticks(bottom: float, top: float) -> tuple[list[float], list[str]]:
    """1, 2 and 5 times the powers of ten between two limits, and their labels."""
    decades = range(math.floor(math.log10(bottom)), math.ceil(math.log10(top)))
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5) if bottom <= step * 10**decade <= top]
    return ticks, [f"{tick:g}" for tick in ticks]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULTS", help="files of benchmarks.cpu")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write, .svg or .png")
    options = parser.parse_args(arguments)
    with one_line_errors(parser):
        draw_rooflines([read_report(path) for path in options.results], options.output)


if __name__ == "__main__":
    main()
