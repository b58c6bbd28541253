"""The table of both forms of a network."""

from __future__ import annotations

import sys

import pytest

from benchmarks import tensorrt_plans


@pytest.mark.slow
def test_counts_both_forms(monkeypatch, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("tensorrt_rtx")
    monkeypatch.setattr(sys, "argv", ["tensorrt_plans", "-n", "1x16x8", "--arch", "sm89"])
    tensorrt_plans.main()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()[4:]]
    by_form = {row[1]: dict(zip(tensorrt_plans.HEADINGS, row, strict=True)) for row in rows if len(row) > 1}
    assert by_form["concat"]["concatenations"] == "12"
    assert by_form["push"]["concatenations"] == "0"
    bytes_moved = {form: int(row["bytes moved"].replace(",", "")) for form, row in by_form.items()}
    assert bytes_moved["push"] < bytes_moved["concat"]
