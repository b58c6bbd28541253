"""Measurements as the cells of tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srdgan_rt.bench.comparison import describe
from srdgan_rt.bench.report import Measurement, Report

HEADINGS = (
    "engine",
    "min s",
    "median s",
    "LR MP/s",
    "GFLOP/s",
    "% of peak",
    "load s",
    "MiB",
    "max diff",
    "ours is x faster",
)


@dataclass(frozen=True)
class Table:
    """One picture size and number of threads.

    Args:
        title: description of what all rows have in common.
        rows: cells of each engine, in the order of ``HEADINGS``.
        notes: lines to print below the table.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def make_tables(report: Report) -> Iterator[Table]:
    """One table for each picture size and number of threads, in the report's order."""
    for key in dict.fromkeys(row.case for row in report.measurements):
        rows = [row for row in report.measurements if row.case == key]
        first = rows[0]
        bandwidth = "" if first.peak_bandwidth is None else f", memory {first.peak_bandwidth:.1f} GB/s"
        yield Table(
            title=f"{report.model}, {report.mflop_per_pixel:.2f} MFLOP a pixel, {first.width}x{first.height}, "
            f"{first.num_threads} thread{'s' * (first.num_threads != 1)}, peak {first.peak_gflops:.0f} GFLOP/s"
            f"{bandwidth}, {first.rounds} round{'s' * (first.rounds != 1)}",
            rows=tuple(map(_format_row, rows)),
            notes=tuple(describe(comparison) for comparison in report.comparisons if comparison.case == key),
        )


def _format_row(row: Measurement) -> tuple[str, ...]:
    return (
        row.engine,
        f"{row.seconds_min:.4f}",
        f"{row.seconds_median:.4f}",
        f"{row.megapixels_per_second:.3f}",
        f"{row.gflops:.1f}",
        f"{row.percent_of_peak:.0f}",
        "-" if row.load_seconds is None else f"{row.load_seconds:.2f}",
        "-" if row.peak_memory_mib is None else f"{row.peak_memory_mib:.0f}",
        f"{row.max_difference:.1e}",
        "-" if row.our_speedup is None else f"{row.our_speedup:.2f}",
    )
