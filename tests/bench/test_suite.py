from __future__ import annotations

import datetime
import json

import pytest
import torch

from srdgan_rt.bench import Report, run_suite, suite
from srdgan_rt.bench.alone import Alone, measure_alone
from srdgan_rt.bench.machine import describe_machine
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
    monkeypatch.setattr("srdgan_rt.bench.suite.measure_bandwidth", lambda num_threads: 20.0 + num_threads)
    monkeypatch.setattr("srdgan_rt.bench.suite.make_peak_case", lambda: lambda: torch.zeros(100).sum())


def test_report(model, few_engines):
    threads_before = torch.get_num_threads()
    report = run_suite(model, [(8, 12)], peers=True, threads=[1], rounds=2)
    assert torch.get_num_threads() == threads_before
    ours, wrong = report.measurements
    macs = load_model(model).spec.macs_per_pixel
    assert report.mflop_per_pixel == pytest.approx(2 * macs / 1e6)
    assert (ours.engine, ours.height, ours.width, ours.rounds) == ("torch", 8, 12, 2)
    assert ours.seconds_min <= ours.seconds_median
    assert ours.gflops == pytest.approx(2 * macs * 96 / ours.seconds_min / 1e9)
    assert ours.megapixels_per_second == pytest.approx(96 / ours.seconds_min / 1e6)
    assert ours.percent_of_peak == pytest.approx(100 * ours.gflops / ours.peak_gflops)
    assert (ours.load_seconds, ours.peak_memory_mib) == (0.5, 12.0)
    assert ours.peak_bandwidth == wrong.peak_bandwidth == 21
    assert report.feature_values_per_pixel == load_model(model).spec.feature_values_per_pixel
    assert report.machine == describe_machine()
    assert report.date == datetime.date.today().isoformat()
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
    [
        ([], {}),
        ([(0, 8)], {}),
        ([(8, 8)], {"threads": [1, 0]}),
        ([(8, 8)], {"rounds": 0}),
        ([(8, 8)], {"min_rounds": 0}),
        ([(8, 8)], {"seconds": 0}),
        ([(8, 8)], {"leave_out": ["warp"]}),
    ],
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


@pytest.mark.parametrize("options", [{"rounds": 1}, {"seconds": 1e-9, "min_rounds": 1}])
def test_the_product_is_not_measured_by_a_single_run(model, few_engines, monkeypatch, options):
    products = []
    monkeypatch.setattr(suite, "make_peak_case", lambda: lambda: products.append(1))
    report = run_suite(model, [(8, 8)], **options)
    assert [row.rounds for row in report.measurements] == [1]
    assert len(products) > 3  # a warm-up among them


def test_engines_that_are_left_out_are_not_built(model, few_engines):
    report = run_suite(model, [(8, 8)], peers=True, rounds=1, leave_out=["torch", "broken"])
    assert [row.engine for row in report.measurements] == ["wrong"]
    assert report.left_out == {
        "torch": "not asked for",
        "broken": "not asked for",
        "warp": "warp is not installed",
    }
    assert report.measurements[0].our_speedup is None


def test_a_report_is_saved_case_by_case_and_gone_on_with(model, few_engines, monkeypatch):
    saved = []
    first = run_suite(model, [(8, 8)], peers=True, threads=[2, 1], rounds=1, save=saved.append)
    assert [{row.case for row in report.measurements} for report in saved] == [{(8, 8, 2)}, {(8, 8, 2), (8, 8, 1)}]
    assert saved[-1] == first
    more = run_suite(model, [(8, 8), (8, 12)], peers=True, threads=[1], rounds=1, done=first, save=saved.append)
    assert len(saved) == 3
    assert more.measurements[: len(first.measurements)] == first.measurements
    assert {row.case for row in more.measurements[len(first.measurements) :]} == {(8, 12, 1)}
    assert [comparison.case for comparison in more.comparisons] == [(8, 8, 2), (8, 8, 1), (8, 12, 1)]


def test_a_report_of_another_net_is_not_gone_on_with(model, few_engines):
    report = run_suite(model, [(8, 8)], rounds=1)
    with pytest.raises(InputError, match="of random 1x8x4, got one of tiny"):
        run_suite("1x8x4", [(8, 8)], rounds=1, done=report)


def test_load_time_and_memory_can_be_taken_with_the_first_number_of_threads_alone(model, few_engines):
    report = run_suite(model, [(8, 8), (8, 12)], threads=[2, 1], rounds=1, weigh_once=True)
    assert {row.case: row.peak_memory_mib for row in report.measurements} == {
        (8, 8, 2): 12.0,
        (8, 12, 2): 12.0,
        (8, 8, 1): None,
        (8, 12, 1): None,
    }


def test_the_reference_is_computed_once_for_each_size(model, few_engines, monkeypatch):
    runs = []
    opened = suite.open_model(model)
    opened.net.register_forward_pre_hook(lambda module, inputs: runs.append(tuple(inputs[0].shape[2:])))
    monkeypatch.setattr(suite, "open_model", lambda name: opened)
    monkeypatch.setattr(suite, "build_engine", lambda *arguments: lambda x: torch.zeros(1, 3, 32, 4 * x.shape[3]))
    run_suite(model, [(8, 8), (8, 12)], threads=[2, 1], rounds=1)
    assert runs == [(8, 8), (8, 12)]


def test_report_comes_back_from_json(model, few_engines):
    report = run_suite(model, [(8, 8)], peers=True, threads=[1], rounds=1)
    assert report.comparisons
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_report_of_an_earlier_version_is_read(model, few_engines):
    data = run_suite(model, [(8, 8)], threads=[1], rounds=1).to_dict()
    for name in ("feature_values_per_pixel", "date", "machine"):
        del data[name]
    del data["measurements"][0]["peak_bandwidth"]
    report = Report.from_dict(data)
    assert (report.machine, report.date, report.measurements[0].peak_bandwidth) == (None, None, None)


@pytest.mark.slow
def test_a_process_of_its_own_tells_load_time_and_memory(model):
    small = measure_alone("torch", "1x8x4", 8, 8, 1)  # a net by its sizes, too
    large = measure_alone("torch", model, 256, 256, 1)
    assert small.load_seconds is not None
    assert 0 < small.load_seconds < 60
    if small.peak_memory_mib is None or large.peak_memory_mib is None:
        pytest.skip("this system does not tell the peak memory of a process")
    result = 3 * 16 * 256**2 * 4 / 2**20
    assert large.peak_memory_mib > small.peak_memory_mib + result


def test_cost_of_an_engine_that_fails_is_unknown(model):
    assert measure_alone("no such engine", model, 8, 8, 1) == Alone(None, None)
