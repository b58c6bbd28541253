"""The full benchmark: what is measured, what is not measured again, and what the files are called."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from srdgan_rt.bench import Report
from srdgan_rt.bench.alone import Alone
from srdgan_rt.bench.machine import Machine
from srdgan_rt.bench.report_file import read_report, write_report

cpu = pytest.importorskip("benchmarks.cpu", reason="benchmarks/ is not there: this is not a source tree")

NET = "1x4x2"
Run = Callable[..., list[tuple[int, int]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the script on a tiny net; gives the (size, threads) that its only engine, torch, was built for."""
    built: list[tuple[int, int]] = []

    def build(name: str, net: object, sample: object, num_threads: int) -> object:
        built.append((sample.shape[2], num_threads))  # type: ignore[attr-defined]
        return net

    for name, stand_in in {
        "PEERS": {},
        "OURS": ("torch",),
        "build_engine": build,
        "measure_alone": lambda *arguments: Alone(None, None),
        "measure_bandwidth": lambda num_threads: 20.0,
        "make_peak_case": lambda: lambda: sum(range(100)),
    }.items():
        monkeypatch.setattr(f"srdgan_rt.bench.suite.{name}", stand_in)
    monkeypatch.setattr(cpu, "describe_machine", lambda: Machine("Some CPU", "zen9", "avx2", 2, {}))

    def run_script(*arguments: str) -> list[tuple[int, int]]:
        built.clear()
        cpu.main(["--nets", NET, "--seconds", "1e-9", "--without", "--output", str(tmp_path), *arguments])
        return list(built)

    return run_script


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return tmp_path / f"{datetime.date.today().isoformat()}_zen9-avx2_{NET}.json"


def test_all_cases_are_measured_and_written(run: Run, result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [(8, 2), (12, 2), (8, 1), (12, 1)]
    assert run("--sizes", "8", "12", "--threads", "2", "1") == cases
    assert capsys.readouterr().out == f"{result}\n"
    assert [(row.height, row.num_threads) for row in read_report(result).measurements] == cases


def test_what_the_file_has_is_not_measured_again(run: Run, result: Path) -> None:
    run("--sizes", "8", "--threads", "2")
    first = read_report(result).measurements
    assert run("--sizes", "8", "12", "--threads", "2") == [(12, 2)]
    assert read_report(result).measurements[:1] == first
    assert run("--sizes", "8", "12", "--threads", "2") == []


def test_measuring_again_leaves_other_cases_alone(run: Run, result: Path) -> None:
    run("--sizes", "8", "12", "--threads", "2")
    twelve = read_report(result).measurements[1]
    assert run("--sizes", "8", "--threads", "2", "--again") == [(8, 2)]
    rows = read_report(result).measurements
    assert [row.height for row in rows] == [12, 8]
    assert rows[0] == twelve


def test_a_kill_loses_one_case(run: Run, result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, report: Report) -> None:
        write_report(path, report)
        if len(report.measurements) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(cpu, "write_report", stop)
    with pytest.raises(SystemExit):
        run("--sizes", "8", "12", "--threads", "2", "1")
    monkeypatch.undo()
    assert [(row.height, row.num_threads) for row in read_report(result).measurements] == [(8, 2), (12, 2)]


def test_large_pictures_are_timed_once_or_left_out(run: Run, result: Path) -> None:
    megaflop = read_mflop()
    limits = ["--once-above", str(100 * megaflop / 1e6), "--max-tflop", str(300 * megaflop / 1e6)]
    assert run("--sizes", "8", "12", "32", "--threads", "1", *limits) == [(8, 1), (12, 1)]
    assert [row.rounds for row in read_report(result).measurements] == [3, 1]


def read_mflop() -> float:
    spec = cpu.open_model(NET).spec
    return float(2 * spec.macs_per_pixel / 1e6)


def test_a_name_for_a_hidden_processor(run: Run, tmp_path: Path) -> None:
    run("--sizes", "8", "--threads", "1", "--core", "zen3")
    assert [path.name for path in tmp_path.iterdir()] == [f"{datetime.date.today().isoformat()}_zen3-avx2_{NET}.json"]


@pytest.mark.parametrize("arguments", [["--sizes", "0"], ["--threads", "0"], ["--rounds", "0"], ["--without", "warp"]])
def test_wrong_usage_is_status_2(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert not list(tmp_path.iterdir())
