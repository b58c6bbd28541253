"""Steps as CUDA graphs: on a GPU, and on the CPU by graphs that record and repeat operations."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from recorded_graph import use_recorded_graphs

from srdgan_rt.errors import SrdganError
from training.config import EngineConfig
from training.loop.engine import Engine
from training.loop.trainer import Trainer


def without_gan(stage: Any, **engine: Any) -> Any:
    """The configuration of a stage with the pixel loss alone, by Muon."""
    config = stage.config
    weights = dataclasses.replace(config.weights, feature=0.0, adversarial=0.0)
    return dataclasses.replace(config, weights=weights, optimiser="muon", engine=EngineConfig(**engine))


def weights_of(trainer: Trainer[Any]) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in trainer.gans[0].generator.net.parameters()]


def check_trains_alike(stage: Any, plain: Trainer[Any], graphed: Trainer[Any], tolerance: float) -> None:
    """Losses and weights of several steps, also where batches change their size."""
    assert plain._graph is None
    assert graphed._graph is not None
    start = weights_of(plain)
    batches = [stage.make_batch(iteration).to(plain.engine.device) for iteration in range(4)]
    smaller = batches[2]._map(lambda tensor: tensor[..., : tensor.shape[-1] // 2].contiguous())
    for batch in [*batches[:3], smaller, smaller, batches[3]]:
        assert graphed.step(batch) == pytest.approx(plain.step(batch), rel=tolerance)
    for first, one, other in zip(start, weights_of(plain), weights_of(graphed), strict=True):
        assert (one - first).norm() > 0
        assert (one - other).norm() <= tolerance * (one - first).norm()


@pytest.fixture
def recorded_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs on the CPU."""
    use_recorded_graphs(monkeypatch)
    monkeypatch.setattr(Engine, "uses_graphs", property(lambda engine: engine.config.cuda_graphs))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_graph_trains_as_single_kernels_do(make_stage: Any, tmp_path: Path, compiled: bool) -> None:
    stage = make_stage("l2h")
    engine = {"device": "cuda", "compile": compiled}
    plain = stage.trainer(tmp_path / "plain", without_gan(stage, **engine))
    graphed = stage.trainer(tmp_path / "graphed", without_gan(stage, **engine, cuda_graphs=True))
    check_trains_alike(stage, plain, graphed, 0.05)


@pytest.mark.usefixtures("recorded_graphs")
def test_a_recorded_graph_trains_as_single_operations_do(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    plain = stage.trainer(tmp_path / "plain", without_gan(stage))
    graphed = stage.trainer(tmp_path / "graphed", without_gan(stage, cuda_graphs=True))
    check_trains_alike(stage, plain, graphed, 1e-4)


@pytest.mark.usefixtures("recorded_graphs")
def test_python_runs_once_for_batches_of_one_size(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path, without_gan(stage, cuda_graphs=True))
    trainer.step(stage.make_batch(0))
    calls = []
    trainer.gans[0].generator.net.register_forward_hook(lambda *_: calls.append(1))
    losses = {trainer.step(stage.make_batch(iteration)) for iteration in range(1, 4)}
    assert calls == []
    assert len(losses) == 3


@pytest.mark.usefixtures("recorded_graphs")
def test_a_loss_of_a_graph_that_is_not_finite_stops_before_the_step(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path, without_gan(stage, cuda_graphs=True))
    batch = stage.make_batch(0)
    trainer.step(batch)
    before = weights_of(trainer)
    with pytest.raises(SrdganError, match="the loss is nan at iteration 1; nothing was updated"):
        trainer.step(batch._map(lambda tensor: tensor * float("nan")))
    assert all(torch.equal(one, other) for one, other in zip(before, weights_of(trainer), strict=True))


def test_graphs_are_for_gpus_and_without_discriminators(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage("l2h")
    on_cpu = stage.trainer(tmp_path / "cpu", without_gan(stage, device="cpu", cuda_graphs=True))
    assert on_cpu._graph is None
    on_cpu.step(stage.make_batch(0))
    monkeypatch.setattr(Engine, "uses_graphs", property(lambda _engine: True))
    assert stage.trainer(tmp_path / "gan")._graph is None
