"""Latency of programs in processes of their own."""

from __future__ import annotations

import pytest

from srdgan_rt import _ext
from srdgan_rt.bench.latency import PROGRAMS, Latency, Zoom, measure_latencies
from srdgan_rt.errors import BackendUnavailableError


def test_percentiles_are_times_that_were_measured():
    row = Latency("Session", Zoom(8, 8), 1, 50.0, tuple(map(float, range(100, 0, -1))), None)
    assert [row.percentile(percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    few = Latency("Session", Zoom(8, 8, (1, 2, 3, 4)), 1, 50.0, (7.0, 5.0, 6.0), 12.0)
    assert few.to_dict()["p50_ms"] == 6.0
    assert few.to_dict()["p99_ms"] == 7.0
    assert (str(row.zoom), str(few.zoom)) == ("8x8", "3x4 of 8x8")


def test_a_model_that_cannot_be_opened_is_one_line():
    with pytest.raises(BackendUnavailableError, match=r"^Session cannot enlarge 8x8: no model 'x': "):
        list(measure_latencies("x", (Zoom(8, 8),), 1, seconds=0.1, rounds=1))


@pytest.mark.slow
@pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
def test_session_starts_sooner_and_needs_less_memory_than_upscaler():
    zooms = (Zoom(24, 16), Zoom(40, 30, (4, 4, 8, 8)))
    rows = list(measure_latencies("srdgan-x4-fast", zooms, 1, seconds=0.1, rounds=4))
    assert [(row.program, row.zoom) for row in rows] == [(program, zoom) for zoom in zooms for program in PROGRAMS]
    for session, upscaler in zip(rows[::2], rows[1::2], strict=True):
        assert len(session.frames_ms) == 4
        assert session.first_ms > session.percentile(50) > 0
        assert session.first_ms < upscaler.first_ms
        assert session.peak_memory_mib < upscaler.peak_memory_mib
