from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from srdgan_rt.bench import Measurement, engines
from srdgan_rt.bench.comparison import compare, describe
from srdgan_rt.bench.engines import precision_of
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.engines import EngineChoice


def measurement(engine, seconds, precision=None):
    empty = dict.fromkeys((field.name for field in dataclasses.fields(Measurement)), 1)
    given = {"engine": engine, "seconds_min": seconds, "precision": precision or precision_of(engine)}
    return Measurement(**empty | given)


def test_peers_of_lower_precision_count_only_among_all():
    rows = [measurement("native", 2), measurement("torch", 3), measurement("ncnn", 5), measurement("openvino", 6)]
    (comparison,) = compare([*rows, measurement("ncnn bf16 storage", 4)])
    assert (comparison.engine, comparison.fastest_fp32_peer, comparison.fastest_peer) == (
        "native",
        "ncnn",
        "ncnn bf16 storage",
    )
    assert (comparison.speedup_over_fp32_peer, comparison.speedup_over_peer) == (2.5, 2)
    assert describe(comparison) == (
        "native is 2.50 times as fast as the fastest peer in fp32 (ncnn), "
        "2.00 times as fast as the fastest of all (ncnn bf16 storage)"
    )


def test_a_fastest_peer_in_fp32_is_named_once():
    (comparison,) = compare([measurement("native", 2), measurement("ncnn", 1), measurement("ncnn bf16 storage", 4)])
    assert describe(comparison) == (
        "native is 0.50 times as fast as the fastest peer in fp32 (ncnn), which is the fastest of all"
    )


def test_without_a_peer_in_fp32_there_is_no_ratio_to_it():
    (comparison,) = compare([measurement("torch", 2), measurement("ncnn bf16 storage", 4)])
    assert comparison.speedup_over_fp32_peer is None
    assert describe(comparison) == "torch is 2.00 times as fast as the fastest of all (ncnn bf16 storage)"


def test_an_engine_of_ours_is_an_engine_and_a_precision(monkeypatch):
    made = {}

    def create(model, choice):
        made.update(net=model.net, choice=choice)
        return SimpleNamespace(run=None)

    monkeypatch.setattr(engines, "create_backend", create)
    monkeypatch.setitem(engines.OURS, "torch bf16", ("torch", "bf16"))
    net = L2HNet(1, 4, 2)
    engines.build_engine("torch bf16", net, None, 1)
    assert made == {"net": net, "choice": EngineChoice("torch", torch.device("cpu"), "bf16")}
    assert precision_of("torch bf16") == "bf16"


def test_each_precision_of_ours_is_compared(monkeypatch):
    monkeypatch.setattr("srdgan_rt.bench.comparison.OURS", ("native", "native int8", "torch"))
    rows = [measurement("torch", 4), measurement("native int8", 1, "int8"), measurement("native", 2)]
    found = {one.engine: one.speedup_over_fp32_peer for one in compare([*rows, measurement("ncnn", 6)])}
    assert found == {"native": pytest.approx(3), "native int8": pytest.approx(6)}


@pytest.mark.parametrize("engine", ["native", "ncnn"])
def test_nothing_is_compared_where_one_side_is_missing(engine):
    assert compare([measurement(engine, 1)]) == []
