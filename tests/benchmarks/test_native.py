from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import bench_ops, cpu, low_precision, low_precision_speed, rrdb_error, training_step
from srdgan_rt import _ext


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (low_precision_speed, []),
        (low_precision, ["Set5"]),
        (bench_ops, ["--peak", "1"]),
        (rrdb_error, ["--pictures", "a.png", "--random", "1", "8", "4"]),
        (cpu, []),
        (training_step, []),
    ],
)
def test_nothing_is_measured_without_the_kernels(
    module, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(_ext, "why_not", lambda: "it was not built")
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        module.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(": error: the compiled kernels are to be measured: it was not built")
    assert not list(tmp_path.iterdir())
