from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from srdgan_rt.bench import Report
from srdgan_rt.bench.report_file import read_report, write_report
from srdgan_rt.errors import InputError

EMPTY = Report("net", 1.0, 2, 4, (), (), {"warp": "not installed"})
RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def test_a_report_comes_back(tmp_path):
    write_report(tmp_path / "a.json", EMPTY)
    assert read_report(tmp_path / "a.json") == EMPTY


def test_a_report_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch):
    write_report(tmp_path / "a.json", EMPTY)

    def full_disk(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="disk full"):
        write_report(tmp_path / "a.json", EMPTY)
    assert read_report(tmp_path / "a.json") == EMPTY


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"a": 1}', json.dumps(EMPTY.to_dict() | {"measurements": [{"engine": "a"}]})]
)
def test_what_is_no_report_is_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"cannot read the report .*a\.json: it is (no JSON|not what .* writes)$"):
        read_report(tmp_path / "a.json")


def test_other_files_are_named_without_their_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"cannot read the report .*a\.png: it is no JSON$"):
        read_report(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"cannot read the report .*b\.json: No such file or directory$"):
        read_report(tmp_path / "b.json")


def test_results_of_all_versions_are_read():
    if not RESULTS.is_dir():
        pytest.skip("benchmarks/ is not there: this is not a source tree")
    reports = [read_report(path) for path in RESULTS.glob("*.json")]
    assert reports
    assert all(report.measurements for report in reports)
