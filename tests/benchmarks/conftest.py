from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from srdgan_rt.bench import Measurement, Report
from srdgan_rt.bench.comparison import compare
from srdgan_rt.bench.engines import precision_of
from srdgan_rt.bench.machine import Machine


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """Reports of given GFLOP/s by engine, the same for every (size, threads); the product's peak is 100 a thread."""

    def make(speeds: dict[str, float], cases: Sequence[tuple[int, int]] = ((8, 2),), **fields: object) -> Report:
        rows: list[Measurement] = []
        for size, num_threads in cases:
            for engine, gflops in speeds.items():
                seconds = size**2 * 2e6 / 1e9 / gflops
                row = Measurement(
                    engine=engine,
                    precision=precision_of(engine),
                    height=size,
                    width=size,
                    num_threads=num_threads,
                    rounds=1,
                    seconds_min=seconds,
                    seconds_median=seconds,
                    megapixels_per_second=size**2 / seconds / 1e6,
                    gflops=gflops,
                    peak_gflops=100.0 * num_threads,
                    percent_of_peak=gflops / num_threads,
                    load_seconds=0.5,
                    peak_memory_mib=40.0 if num_threads == 2 else None,
                    max_difference=1e-6,
                    our_speedup=speeds["native"] / gflops,
                    peak_bandwidth=10.0 * num_threads,
                )
                rows.append(row)
        report = Report(
            model="net",
            mflop_per_pixel=2.0,
            num_parameters=1000,
            scale=4,
            measurements=tuple(rows),
            comparisons=tuple(
                found
                for case in dict.fromkeys(row.case for row in rows)
                for found in compare([row for row in rows if row.case == case])
            ),
            left_out={},
            feature_values_per_pixel=500,
            date="2026-01-02",
            machine=Machine("Some CPU", "zen9", "avx2", 2, {}),
        )
        return dataclasses.replace(report, **fields)  # type: ignore[arg-type]

    return make
