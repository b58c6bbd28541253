from __future__ import annotations

import json

import pytest
import torch

from srdgan_rt.bench import Report, run_suite
from srdgan_rt.bench.alone import Alone, measure_alone
from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import BackendUnavailableError, InputError


@pytest.fixture
def model(make_net, tmp_path):
    save_model(tmp_path / "tiny.safetensors", make_net(), {"halo": "4"}, dtype=torch.float32)
    return str(tmp_path / "tiny.safetensors")


@pytest.fixture
def few_engines(monkeypatch):
    """Leaves one of ours and three peers: one that runs, one that is not installed, one that breaks."""

    def refuse(net, sample, num_threads):
        raise BackendUnavailableError("warp is not installed")

    def build_broken(net, sample, num_threads):
        def run(x):
            raise RuntimeError("broke\nin two")

        return run

    def build_wrong(net, sample, num_threads):
        return lambda x: net(x).detach() + 0.25

    peers = {"warp": refuse, "broken": build_broken, "wrong": build_wrong}
    monkeypatch.setattr("srdgan_rt.bench.suite.PEERS", peers)
    monkeypatch.setattr("srdgan_rt.bench.engines.PEERS", peers)
    monkeypatch.setattr("srdgan_rt.bench.suite.OURS", ("torch",))
    monkeypatch.setattr("srdgan_rt.bench.suite.measure_alone", lambda *arguments: Alone(0.5, 12.0))


def test_report(model, few_engines):
    threads_before = torch.get_num_threads()
    report = run_suite(model, [(8, 12)], peers=True, threads=[1], rounds=2)
    assert torch.get_num_threads() == threads_before
    ours, wrong = report.measurements
    macs = load_model(model)[1].macs_per_pixel
    assert report.mflop_per_pixel == pytest.approx(2 * macs / 1e6)
    assert (ours.engine, ours.height, ours.width, ours.rounds) == ("torch", 8, 12, 2)
    assert ours.seconds_min <= ours.seconds_median
    assert ours.gflops == pytest.approx(2 * macs * 96 / ours.seconds_min / 1e9)
    assert ours.megapixels_per_second == pytest.approx(96 / ours.seconds_min / 1e6)
    assert ours.percent_of_peak == pytest.approx(100 * ours.gflops / ours.peak_gflops)
    assert (ours.load_seconds, ours.peak_memory_mib) == (0.5, 12.0)
    assert (ours.precision, ours.num_threads) == ("fp32", 1)
    assert ours.max_difference < 1e-4
    assert ours.our_speedup == 1
    assert wrong.max_difference == pytest.approx(0.25, abs=1e-4)
    assert wrong.our_speedup == pytest.approx(wrong.seconds_min / ours.seconds_min)
    assert report.left_out == {"warp": "warp is not installed", "broken": "broke"}


def test_peers_stay_out_unless_asked_for(model, few_engines):
    report = run_suite(model, [(8, 8)], rounds=1)
    assert [row.engine for row in report.measurements] == ["torch"]
    assert report.left_out == {}


@pytest.mark.parametrize(
    ("sizes", "options"),
    [([], {}), ([(0, 8)], {}), ([(8, 8)], {"threads": [1, 0]}), ([(8, 8)], {"rounds": 0}), ([(8, 8)], {"seconds": 0})],
)
def test_rejects_what_cannot_be_measured(model, sizes, options):
    with pytest.raises(InputError):
        run_suite(model, sizes, **options)


def test_threads_are_those_asked_for_one_after_the_other(model, few_engines, monkeypatch):
    seen = []

    def build(net, sample, num_threads):
        seen.append((num_threads, torch.get_num_threads()))
        return lambda x: net(x).detach()

    monkeypatch.setattr("srdgan_rt.bench.suite.PEERS", {"peer": build})
    monkeypatch.setattr("srdgan_rt.bench.engines.PEERS", {"peer": build})
    threads_before = torch.get_num_threads()
    report = run_suite(model, [(8, 8), (8, 12)], peers=True, threads=[2, 1, 2], rounds=1)
    assert torch.get_num_threads() == threads_before
    assert seen == [(2, 2), (2, 2), (1, 1), (1, 1)]
    peer_cases = [row.case for row in report.measurements if row.engine == "peer"]
    assert peer_cases == [(8, 8, 2), (8, 12, 2), (8, 8, 1), (8, 12, 1)]
    assert [comparison.case for comparison in report.comparisons] == peer_cases


def test_report_comes_back_from_json(model, few_engines):
    report = run_suite(model, [(8, 8)], peers=True, threads=[1], rounds=1)
    assert report.comparisons
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_a_process_of_its_own_tells_load_time_and_memory(model):
    small = measure_alone("torch", model, 8, 8, 1)
    large = measure_alone("torch", model, 512, 512, 1)
    assert small.load_seconds is not None
    assert 0 < small.load_seconds < 60
    if small.peak_memory_mib is None or large.peak_memory_mib is None:
        pytest.skip("this system does not tell the peak memory of a process")
    result = 3 * 16 * 512**2 * 4 / 2**20
    assert large.peak_memory_mib > small.peak_memory_mib + result


def test_sizes_reach_the_process_of_its_own():
    assert measure_alone("torch", "1x8x4", 8, 8, 1).load_seconds is not None


def test_cost_of_an_engine_that_fails_is_unknown(model):
    assert measure_alone("no such engine", model, 8, 8, 1) == Alone(None, None)
