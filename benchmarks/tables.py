"""Writes results as the Markdown tables of the documentation.

    python -m benchmarks.tables benchmarks/results/2026-11-24_*.json
    python -m benchmarks.tables --form ratios RESULTS.json...

Forms: ``peaks`` (docs/design/kernels.md: GFLOP/s and share of the measured product peak, ours and the fastest peers),
``ratios`` (README: time of every engine divided by ours, and its peak memory), ``all`` (all figures, one table a case).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from srdgan_rt.bench import Measurement, Report
from srdgan_rt.bench.engines import FULL_PRECISION, OURS
from srdgan_rt.bench.report_file import read_report
from srdgan_rt.bench.table import HEADINGS, make_tables
from srdgan_rt.metrics.table import Row, render_markdown_table
from training.cli.parser import CommandParser, one_line_errors


def write_peaks(reports: Sequence[Report]) -> str:
    """GFLOP/s and per cent of the product peak: ours, the fastest peer in fp32, and the fastest peer of all."""
    names = [name for name in OURS if any(row.engine == name for report in reports for row in report.measurements)]
    lines: list[Row] = []
    for report, rows in _list_cases(reports):
        found = {row.engine: row for row in rows}
        peers = sorted((row for row in rows if row.engine not in OURS), key=lambda row: -row.gflops)
        full = [row for row in peers if row.precision == FULL_PRECISION]
        cells = [_format_speed(found[name]) if name in found else "–" for name in names]
        cells += [f"{few[0].engine} {_format_speed(few[0])}" if few else "–" for few in (full, peers)]
        lines.append([*_name_case(report, rows[0]), f"{rows[0].peak_gflops:.0f}", *cells])
    ours = [f"ours, `{name}`" for name in names]
    return write_table(
        ["net, LR size", "threads", "product peak", *ours, "fastest fp32 peer", "fastest of all peers"], lines
    )


def write_ratios(reports: Sequence[Report]) -> str:
    """Time of each engine divided by ours, and below it peak memory in MiB where it was taken."""
    cases = list(_list_cases(reports))
    engines = list(dict.fromkeys(row.engine for _, rows in cases for row in rows))
    lines: list[Row] = []
    for report, rows in cases:
        found = {row.engine: row for row in rows}
        case = ", ".join(_name_case(report, rows[0])) + f" thread{'s' * (rows[0].num_threads != 1)}"
        for label, form in ((case, _format_ratio), ("memory", _format_memory)):
            cells = [form(found[name]) if name in found else "–" for name in engines]
            if set(cells) != {"–"}:
                lines.append([label, *cells])
    return write_table(["", *engines], lines)


def write_all(reports: Sequence[Report]) -> str:
    """Every figure, one table for each picture size and number of threads."""
    parts = []
    for report in reports:
        for table in make_tables(report):
            parts += [table.title, write_table(HEADINGS, table.rows), *table.notes]
        parts += [f"left out: {engine}: {reason}" for engine, reason in report.left_out.items()]
    return "\n\n".join(parts)


def write_table(headings: Row, rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    return render_markdown_table([headings, *rows], len(headings)).rstrip()


FORMS: dict[str, Callable[[Sequence[Report]], str]] = {"peaks": write_peaks, "ratios": write_ratios, "all": write_all}


def _list_cases(reports: Sequence[Report]) -> Iterator[tuple[Report, list[Measurement]]]:
    """The rows of each case: by net, then size, then number of threads, most first."""
    for report in reports:
        for case in sorted({row.case for row in report.measurements}, key=lambda case: (*case[:2], -case[2])):
            yield report, [row for row in report.measurements if row.case == case]


def _name_case(report: Report, row: Measurement) -> tuple[str, str]:
    return f"{report.model}, {row.width}×{row.height}", str(row.num_threads)


def _format_speed(row: Measurement) -> str:
    return f"{row.gflops:.0f} ({row.percent_of_peak:.0f} %)"


def _format_ratio(row: Measurement) -> str:
    return "–" if row.our_speedup is None else f"{row.our_speedup:.2f}"


def _format_memory(row: Measurement) -> str:
    return "–" if row.peak_memory_mib is None else f"{row.peak_memory_mib:.0f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULTS", help="files of benchmarks.cpu")
    parser.add_argument("--form", choices=sorted(FORMS), default="peaks")
    options = parser.parse_args(arguments)
    with one_line_errors(parser):
        print(FORMS[options.form]([read_report(path) for path in options.results]))


if __name__ == "__main__":
    main()
