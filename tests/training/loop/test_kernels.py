"""The package's own kernels in training, and the choice between them and torch's."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet
from training.config import EngineConfig
from training.loop import run
from training.loop.engine import Engine
from training.loop.kernels import NATIVE, TORCH, Kernels, use_native, use_torch
from training.models.features import VGGFeatures
from training.models.initialise import initialise

needs_extension = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


def with_kernels(stage: Any, kernels: str, **others: Any) -> Any:
    return dataclasses.replace(stage.config, engine=EngineConfig(kernels=kernels, **others))


def fake_times(monkeypatch: pytest.MonkeyPatch, native: float, torch_: float) -> None:
    def time_pass(self: Kernels, *_: torch.Tensor) -> float:
        return native if self.chosen == NATIVE else torch_

    monkeypatch.setattr(Kernels, "_time_pass", time_pass)


@needs_extension
@pytest.mark.parametrize(("name", "tolerance"), [("l2h", 1e-4), ("joint", 5e-3)])
def test_both_train_alike(make_stage: Any, tmp_path: Path, name: str, tolerance: float) -> None:
    """The same curve within rounding, which the stage joint magnifies: it rounds to 8 bits."""
    stage = make_stage(name)
    losses, names = {}, {}
    for kernels in (NATIVE, TORCH):
        trainer = stage.trainer(tmp_path / kernels, with_kernels(stage, kernels))
        losses[kernels] = [trainer.step(stage.make_batch(iteration)) for iteration in range(3)]
        assert trainer.kernels() == kernels
        names[kernels] = trainer.gans[-1].generator.net.state_dict().keys()
    assert losses[NATIVE] == pytest.approx(losses[TORCH], rel=tolerance)
    assert losses[NATIVE] != losses[TORCH]
    assert names[NATIVE] == names[TORCH]


@needs_extension
def test_native_bf16_trains_like_fp32(make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ext, "has_fast_bf16", lambda: True)  # elsewhere other instructions compute the same
    stage = make_stage("l2h")
    losses = {}
    for precision in ("fp32", "bf16"):
        trainer = stage.trainer(tmp_path / precision, with_kernels(stage, NATIVE, precision=precision))
        losses[precision] = [trainer.step(stage.make_batch(iteration)) for iteration in range(3)]
        assert trainer.kernels() == NATIVE
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.05)
    assert losses["bf16"] != losses["fp32"]


@needs_extension
def test_the_same_seed_gives_the_same_weights_twice(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    weights = []
    for name in ("first", "second"):
        trainer = stage.trainer(tmp_path / name, with_kernels(stage, NATIVE))
        run.run(trainer, stage.make_batch)
        weights.append(trainer.gans[0].generator.net.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@needs_extension
@pytest.mark.parametrize(("seconds", "faster"), [((1, 2), NATIVE), ((2, 1), TORCH)])
def test_auto_takes_the_faster_and_a_resumed_run_keeps_it(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], faster: str
) -> None:
    stage = make_stage("l2h")
    config = with_kernels(stage, "auto")
    trainer = stage.trainer(tmp_path, config)
    assert trainer.kernels() == ""
    fake_times(monkeypatch, *seconds)
    run.run(trainer, stage.make_batch)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["kernels"] == faster
    fake_times(monkeypatch, *reversed(seconds))
    resumed = stage.trainer(tmp_path, config)
    resumed.step(stage.make_batch(0))
    assert resumed.kernels() == faster
    explicit = stage.trainer(tmp_path, with_kernels(stage, NATIVE if faster == TORCH else TORCH))
    assert explicit.kernels() != faster


@needs_extension
def test_timing_changes_nothing_else(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    timed = stage.trainer(tmp_path / "timed", with_kernels(stage, "auto"))
    loss = timed.step(stage.make_batch(0))
    plain = stage.trainer(tmp_path / "plain", with_kernels(stage, timed.kernels()))
    assert plain.step(stage.make_batch(0)) == loss
    pairs = zip(timed.gans[0].generator.net.parameters(), plain.gans[0].generator.net.parameters(), strict=True)
    assert all(torch.equal(a, b) and torch.equal(a.grad, b.grad) for a, b in pairs)


@needs_extension
def test_native_kernels_are_used_and_taken_back(make_stage: Any) -> None:
    stage = make_stage("l2h")
    net = L2HNet(**vars(stage.config.model))
    initialise(net, 0)
    x = stage.make_batch(0).low
    plain = net(x)
    use_native(net)
    native = net(x)
    assert type(native.grad_fn).__name__ != type(plain.grad_fn).__name__
    torch.testing.assert_close(native, plain, rtol=1e-4, atol=1e-5)
    use_torch(net)
    assert torch.equal(net(x), plain)


@needs_extension
def test_features_follow_the_generator(make_stage: Any, tiny_vgg: Path) -> None:
    """Feature loss and its gradient are those of torch within rounding, by the kernels that compute the generator."""
    stage = make_stage("l2h")
    results, nodes = {}, {}
    for kernels in (TORCH, NATIVE):
        features = VGGFeatures(tiny_vgg, "conv1_2")
        Kernels(L2HNet(**vars(stage.config.model)), Engine(EngineConfig(kernels=kernels))).add_features(features)
        x = stage.make_batch(0).high.clone().requires_grad_()
        y = features(x)
        nodes[kernels] = type(y.grad_fn.next_functions[0][0])  # behind the division by the size
        results[kernels] = y.detach(), *torch.autograd.grad(y.square().sum(), x)
    assert nodes[NATIVE] is not nodes[TORCH]
    torch.testing.assert_close(results[NATIVE], results[TORCH], rtol=1e-3, atol=1e-5)


@needs_extension
def test_checkpointed_blocks_go_with_native_kernels(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    twice = stage.trainer(tmp_path / "twice", with_kernels(stage, NATIVE, checkpoint_blocks=True))
    once = stage.trainer(tmp_path / "once", with_kernels(stage, NATIVE))
    assert twice.step(stage.make_batch(0)) == once.step(stage.make_batch(0))
    pairs = zip(twice.gans[0].generator.net.parameters(), once.gans[0].generator.net.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_native_that_cannot_be_had_is_an_error(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage("l2h")
    with pytest.raises(InputError, match=r"kernels must be auto, native or torch, got 'fast'"):
        EngineConfig(kernels="fast")
    monkeypatch.setattr(_ext, "has_fast_bf16", lambda: False)
    with pytest.raises(
        InputError, match="kernels is native, but bf16 needs an Intel processor with AMX, and Linux: set"
    ):
        stage.trainer(tmp_path, with_kernels(stage, NATIVE, precision="bf16"))
    assert stage.trainer(tmp_path, with_kernels(stage, "auto", precision="bf16")).kernels() == TORCH
    monkeypatch.setattr(_ext, "why_not", lambda: "it was not built")
    with pytest.raises(InputError, match="kernels is native, but it was not built: set it to auto or torch"):
        stage.trainer(tmp_path, with_kernels(stage, NATIVE))
    assert stage.trainer(tmp_path, with_kernels(stage, "auto")).kernels() == TORCH
