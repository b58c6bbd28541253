from __future__ import annotations

import json

import pytest

from srdgan_rt import _ext
from srdgan_rt.bench.alone import Alone
from srdgan_rt.bench.latency import TYPICAL_ZOOMS, Latency


@pytest.fixture(autouse=True)
def _nothing_that_takes_seconds(monkeypatch):
    """Processes for the memory, the triad and the product: tests/bench has them."""
    monkeypatch.setattr("srdgan_rt.bench.suite.measure_alone", lambda *arguments: Alone(0.125, None))
    monkeypatch.setattr("srdgan_rt.bench.suite.measure_bandwidth", lambda num_threads: 17.5)
    monkeypatch.setattr("srdgan_rt.bench.suite.make_peak_case", lambda: lambda: sum(range(100)))


def test_json(run, model):
    outcome = run("bench", "-n", model, "--size", "12", "--size", "9x7", "--rounds", "1", "--threads", "1", "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    assert report["model"] == "tiny"
    assert {(row["width"], row["height"]) for row in report["measurements"]} == {(12, 12), (9, 7)}
    assert "torch" in {row["engine"] for row in report["measurements"]}


def test_table(run, model):
    outcome = run("bench", "-n", model, "--size", "12x8", "--rounds", "1", "--threads", "1")
    assert outcome.status == 0
    assert "12x8" in outcome.out
    assert "GFLOP/s" in outcome.out
    assert "load s" in outcome.out
    assert "memory 17.5 GB/s" in outcome.out
    assert "0.12" in outcome.out


@pytest.mark.parametrize("vnni", [False, True])
def test_net_of_random_weights_with_several_threads_and_peers(run, monkeypatch, vnni):
    """With VNNI the engines are one more, int8, and it is compared with the peers as well."""
    monkeypatch.setattr(_ext, "has_fast_int8", lambda: vnni)

    def build(net, sample, num_threads):
        return lambda x: net(x).detach()

    for place in ("suite", "engines"):
        monkeypatch.setattr(f"srdgan_rt.bench.{place}.PEERS", {"peer": build})
    arguments = ["bench", "--net", "1x8x4", "--size", "8", "--rounds", "1", "--threads", "1", "--threads", "2"]
    outcome = run(*arguments, "--peers")
    assert outcome.status == 0
    for text in ("random 1x8x4", "8x8, 1 thread,", "8x8, 2 threads,", "fastest peer in fp32 (peer)"):
        assert text in outcome.out
    report = json.loads(run(*arguments, "--peers", "--json").out)
    engines = {row["engine"] for row in report["measurements"]}
    assert ("native int8" in engines) == (vnni and _ext.is_available())
    assert {row["num_threads"] for row in report["comparisons"]} == {1, 2}
    assert {row["num_threads"] for row in report["measurements"]} == {1, 2}


def test_net_and_model_exclude_each_other(run, model):
    outcome = run("bench", "-n", model, "--net", "1x8x4")
    assert outcome.status == 2
    assert "exclude each other" in outcome.err


def test_net_must_be_sizes(run, model):
    outcome = run("bench", "--net", model)
    assert outcome.status == 2
    assert "BLOCKSxFEATURESxGROWTH" in outcome.err


@pytest.mark.parametrize(
    "arguments", [["--size", "0"], ["--size", "axb"], ["--size", "5x"], ["--rounds", "0"], ["--seconds", "0"]]
)
def test_wrong_usage_is_status_2(run, model, arguments):
    assert run("bench", "-n", model, *arguments).status == 2


def test_latency(run, model, monkeypatch):
    def measure(name, zooms, num_threads, *, seconds, rounds):
        assert (name, seconds, rounds) == (model, 5.0, 7)
        for zoom in zooms:
            yield Latency("Session", zoom, num_threads, 123.4, (3.0, 4.0, 5.0), 67.8)

    monkeypatch.setattr("srdgan_rt.bench.latency.measure_latencies", measure)
    arguments = ("bench", "--latency", "-n", model, "--threads", "2", "--rounds", "7")
    outcome = run(*arguments, "--size", "12x8")
    assert outcome.status == 0
    (row,) = [line for line in outcome.out.splitlines() if "12x8" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == (
        ["Session", "12x8", "2", "123", "4", "5", "5", "3", "68"]
    )
    rows = json.loads(run(*arguments, "--json").out)
    assert [row["zoom"]["width"] for row in rows] == [zoom.width for zoom in TYPICAL_ZOOMS]
    assert rows[0]["p95_ms"] == 5.0
    assert run("bench", "--latency", "--peers").status == 2
