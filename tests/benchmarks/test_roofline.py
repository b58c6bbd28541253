"""The roofline: what is counted, where the roofs are, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from srdgan_rt.bench import Report
from srdgan_rt.bench.machine import Machine
from srdgan_rt.bench.report_file import write_report
from srdgan_rt.errors import InputError

roofline = pytest.importorskip("benchmarks.roofline", reason="benchmarks/ is not there: this is not a source tree")

SPEEDS = {"native": 300.0, "ncnn": 150.0}


def test_intensity_counts_weights_picture_and_result_once(make_report: Callable[..., Report]) -> None:
    report = make_report(SPEEDS)
    weights, picture, result = 4 * 1000, 4 * 3 * 8 * 12, 4 * 3 * 32 * 48
    assert roofline.compute_intensity(report, 8, 12) == pytest.approx(2e6 * 96 / (weights + picture + result))


def test_intensity_by_layer_counts_all_feature_maps(make_report: Callable[..., Report]) -> None:
    report = make_report(SPEEDS)
    assert roofline.compute_intensity_by_layer(report, 8, 12) == pytest.approx(2e6 * 96 / (4 * (1000 + 500 * 96)))
    with pytest.raises(InputError, match="too old"):
        roofline.compute_intensity_by_layer(replace(report, feature_values_per_pixel=None), 8, 12)


def test_roofs_are_the_best_of_all_sizes(make_report: Callable[..., Report]) -> None:
    report = make_report(SPEEDS, [(8, 1), (8, 2), (16, 1)])
    rows = [
        replace(row, peak_gflops=90.0, peak_bandwidth=11.0) if row.case == (16, 16, 1) else row
        for row in report.measurements
    ]
    two, one = roofline.make_panels(replace(report, measurements=tuple(rows)))
    assert (two.num_threads, two.peak, two.bandwidth, len(two.rows)) == (2, 200, 20, 2)
    assert (one.num_threads, one.peak, one.bandwidth, len(one.rows)) == (1, 100, 11, 4)


def test_picture(make_report: Callable[..., Report], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = make_report(SPEEDS, [(8, 2), (8, 1), (16, 2)]), make_report({"native": 300.0}, model="other")
    for path, report in ((tmp_path / "a.json", first), (tmp_path / "b.json", second)):
        write_report(path, report)
    arguments = [str(tmp_path / "a.json"), str(tmp_path / "b.json"), "-o"]
    for name in ("first.svg", "second.svg"):
        roofline.main([*arguments, str(tmp_path / name)])
    text = (tmp_path / "first.svg").read_text()
    assert text == (tmp_path / "second.svg").read_text()
    words = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    for expected in (
        "Some CPU (zen9, avx2), 2 CPUs, 2026-01-02",
        "net, 2 threads; LR sides in pixels",
        "net, 1 thread; LR sides in pixels",
        "other, 2 threads; LR sides in pixels",
        "product, 200 GFLOP/s",
        "product × 5: F(6×6, 3×3), 1012 GFLOP/s",
        "memory: 10.0 GB/s",
    ):
        assert expected in words
    assert words.count("native") == words.count("ncnn") == 1


def test_every_engine_has_points_at_its_sizes(
    make_report: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = pytest.importorskip("matplotlib.axes")
    drawn: list[tuple[list[float], list[float]]] = []
    plot = axes.Axes.plot

    def keep(self: object, x: list[float], y: list[float], **style: object) -> object:
        drawn.append((list(x), list(y)))
        return plot(self, x, y, **style)

    monkeypatch.setattr(axes.Axes, "plot", keep)
    report = make_report(SPEEDS, [(8, 2), (16, 2)])
    roofline.draw_rooflines([report], tmp_path / "a.svg")
    at = [roofline.compute_intensity(report, size, size) for size in (8, 16)]
    assert (at, [300.0, 300.0]) in drawn
    assert (at, [150.0, 150.0]) in drawn


def test_what_cannot_be_drawn_is_refused(make_report: Callable[..., Report], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = make_report(SPEEDS)
    other = make_report(SPEEDS, machine=Machine("Other CPU", "zen9", "avx2", 2, {}))
    old = replace(report, measurements=tuple(replace(row, peak_bandwidth=None) for row in report.measurements))
    for reports, reason in (
        ([report, other], "one machine, got results of Some CPU .*; Other CPU"),
        ([old], "too old"),
        ([replace(report, measurements=())], "no measurements"),
    ):
        with pytest.raises(InputError, match=reason):
            roofline.draw_rooflines(reports, tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())
