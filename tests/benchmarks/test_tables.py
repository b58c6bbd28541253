"""The documentation's tables of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from srdgan_rt.bench import Report
from srdgan_rt.bench.report_file import write_report

tables = pytest.importorskip("benchmarks.tables", reason="benchmarks/ is not there: this is not a source tree")

SPEEDS = {"native": 300.0, "onnxruntime": 120.0, "ncnn": 150.0, "ncnn bf16 storage": 160.0}


def test_peaks_name_the_fastest_peers(make_report: Callable[..., Report]) -> None:
    assert tables.write_peaks([make_report(SPEEDS)]).splitlines() == [
        "| net, LR size | threads | product peak | ours, `native` | fastest fp32 peer | fastest of all peers |",
        "| --- | --- | --- | --- | --- | --- |",
        "| net, 8×8 | 2 | 200 | 300 (150 %) | ncnn 150 (75 %) | ncnn bf16 storage 160 (80 %) |",
    ]


def test_peaks_without_a_peer(make_report: Callable[..., Report]) -> None:
    assert tables.write_peaks([make_report({"native": 300.0})]).endswith("| 300 (150 %) | – | – |")


def test_ratios_have_a_line_for_memory_where_it_is_known(make_report: Callable[..., Report]) -> None:
    first = make_report(SPEEDS, [(16, 1), (16, 2), (8, 1)])
    second = make_report({"native": 300.0, "openvino": 100.0}, model="other")
    assert tables.write_ratios([first, second]).splitlines() == [
        "|  | native | onnxruntime | ncnn | ncnn bf16 storage | openvino |",
        "| --- | --- | --- | --- | --- | --- |",
        "| net, 8×8, 1 thread | 1.00 | 2.50 | 2.00 | 1.88 | – |",
        "| net, 16×16, 2 threads | 1.00 | 2.50 | 2.00 | 1.88 | – |",
        "| memory | 40 | 40 | 40 | 40 | – |",
        "| net, 16×16, 1 thread | 1.00 | 2.50 | 2.00 | 1.88 | – |",
        "| other, 8×8, 2 threads | 1.00 | – | – | – | 3.00 |",
        "| memory | 40 | – | – | – | 40 |",
    ]


def test_all_figures_come_with_notes_and_reasons(
    make_report: Callable[..., Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path / "a.json", make_report(SPEEDS, left_out={"openvino": "not installed"}))
    tables.main([str(tmp_path / "a.json"), "--form", "all"])
    text = capsys.readouterr().out
    assert "peak 200 GFLOP/s, memory 20.0 GB/s, 1 round\n" in text
    assert "| ncnn | 0.0009 | 0.0009 | 0.075 | 150.0 | 75 | 0.50 | 40 | 1.0e-06 | 2.00 |" in text
    assert "native is 2.00 times as fast as the fastest peer in fp32 (ncnn)" in text
    assert text.endswith("left out: openvino: not installed\n")
