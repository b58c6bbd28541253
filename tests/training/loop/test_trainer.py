"""What holds for every stage."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from small_disk import small_disk

from srdgan_rt.errors import SrdganError
from training.config import EngineConfig
from training.loop import run
from training.loop.trainer import Trainer


def tensors(part: Any, name: str = "") -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint by their paths."""
    if isinstance(part, torch.Tensor):
        return {name: part}
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return {path: tensor for key, value in items for path, tensor in tensors(value, f"{name}.{key}").items()}


def differing(first: Trainer[Any], second: Trainer[Any]) -> list[str]:
    a, b = (tensors(torch.load(trainer.checkpoint, weights_only=True)) for trainer in (first, second))
    assert a.keys() == b.keys()
    assert len(a) > 50
    return [name for name in a if not torch.equal(a[name], b[name])]


def test_overfits_one_batch(stage: Any, tmp_path: Path) -> None:
    """With all losses, of which the pixel loss leads: it tells, as the adversarial one has an opponent."""
    trainer = stage.trainer(tmp_path, dataclasses.replace(stage.config, learning_rate=6e-3))
    for gan in trainer.gans:
        gan._weights = {name: weight if name == "pixel" else 0.01 * weight for name, weight in gan._weights.items()}
    batch = stage.make_batch(1)
    pixels = []
    for _ in range(70):
        trainer.step(batch)
        pixels.append(sum(value for name, value in trainer.take_figures().items() if name.endswith("pixel")))
    assert pixels[-1] < 0.85 * pixels[0]


def test_two_runs_with_one_seed_are_equal_and_another_seed_is_not(stage: Any, tmp_path: Path) -> None:
    trainers = [stage.trainer(tmp_path / name) for name in ("first", "second")]
    torch.rand(5)  # the global random state must not matter
    trainers.append(stage.trainer(tmp_path / "third", dataclasses.replace(stage.config, seed=1)))
    for trainer in trainers:
        run.run(trainer, stage.make_batch)
    assert differing(trainers[0], trainers[1]) == []
    assert differing(trainers[0], trainers[2]) != []


def test_resume_equals_an_uninterrupted_run(stage: Any, tmp_path: Path) -> None:
    whole, first = (stage.trainer(tmp_path / name) for name in ("whole", "parts"))
    run.run(whole, stage.make_batch)
    for _ in range(2):
        first.step(stage.make_batch(first.iteration))
    first.save()
    second = stage.trainer(tmp_path / "parts")
    assert second.iteration == 2
    run.run(second, stage.make_batch)
    assert differing(whole, second) == []


def test_a_resumed_run_takes_the_betas_of_its_configuration(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("h2l")
    stage.trainer(tmp_path).save()
    trainer = stage.trainer(tmp_path, dataclasses.replace(stage.config, betas=(0.5, 0.6)))
    trainer.step(stage.make_batch(0))
    (gan,) = trainer.gans
    for trained_net in (gan.generator, gan.discriminator):
        (state, *_) = trained_net.optimiser.state.values()
        (gradient, *_) = (weight.grad for weight in trained_net.net.parameters())
        torch.testing.assert_close(state["exp_avg"], 0.5 * gradient)


def test_workers_make_the_same_batches(stage: Any, tmp_path: Path) -> None:
    alone, helped = stage.trainer(tmp_path / "alone"), None
    run.run(alone, stage.make_batch)
    config = dataclasses.replace(stage.config, engine=EngineConfig(num_workers=2))
    helped = stage.trainer(tmp_path / "helped", config)
    run.run(helped, stage.make_batch)
    assert differing(alone, helped) == []
    last = json.loads((tmp_path / "helped" / "log.jsonl").read_text().splitlines()[-1])
    assert 0 <= last["data_wait"] <= 1


def test_a_resumed_run_needs_no_weights_to_start_from(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("joint")
    stage.trainer(tmp_path).save()
    gone = dataclasses.replace(stage.config, h2l_init="gone.pt", l2h_init="gone.safetensors")
    stage.trainer(tmp_path, gone)
    with pytest.raises(SrdganError, match=r"gone"):
        stage.trainer(tmp_path / "fresh", gone)


def test_a_loss_that_is_not_finite_stops_before_the_step(stage: Any, tmp_path: Path) -> None:
    trainer = stage.trainer(tmp_path / "run")
    before = {name: value.clone() for name, value in trainer.gans[-1].generator.net.state_dict().items()}
    nan = stage.make_batch(0)._map(lambda x: x * float("nan"))
    with pytest.raises(SrdganError, match=r"the loss of the (h2l_)?discriminator is nan at iteration 0; nothing was"):
        trainer.step(nan)
    for gan in trainer.gans:
        gan.discriminator = None
    with pytest.raises(SrdganError, match="the loss is nan at iteration 0; nothing was updated"):
        trainer.step(nan)
    after = trainer.gans[-1].generator.net.state_dict()
    assert all(torch.equal(before[name], value) for name, value in after.items())


@pytest.mark.parametrize("gradient_norm", [0.0, 0.2])
def test_a_gradient_that_is_not_finite_stops_before_the_step(stage: Any, tmp_path: Path, gradient_norm: float) -> None:
    """The loss may be finite all the same. Of several nets, none is updated."""
    trainer = stage.trainer(tmp_path, dataclasses.replace(stage.config, gradient_norm=gradient_norm))
    trainer.gans[-1].generator.net.conv_last.weight.register_hook(lambda gradient: gradient * float("nan"))
    nets = [gan.generator.net for gan in trainer.gans]
    before = [weight.detach().clone() for net in nets for weight in net.parameters()]
    with pytest.raises(SrdganError, match="the gradient of the loss is nan at iteration 0; nothing was updated"):
        trainer.step(stage.make_batch(0))
    after = [weight for net in nets for weight in net.parameters()]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_step_and_saves(
    stage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    whole, stopped = (stage.trainer(tmp_path / name) for name in ("whole", "stopped"))
    whole.step(stage.make_batch(0))
    whole.save()

    def interrupted_batch(iteration: int) -> Any:
        os.kill(os.getpid(), number)
        return stage.make_batch(iteration)

    handler = signal.getsignal(number)
    run.run(stopped, interrupted_batch)
    assert "stopped and saved at iteration 1" in capsys.readouterr().err
    assert signal.getsignal(number) is handler
    assert differing(whole, stopped) == []


def test_rejects_a_checkpoint_of_another_stage(make_stage: Any, tmp_path: Path) -> None:
    make_stage("h2l").trainer(tmp_path).save()
    with pytest.raises(SrdganError, match=r"checkpoint\.pt is of the stage h2l, not l2h$"):
        make_stage("l2h").trainer(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"num_blocks": 2}}, "model.num_blocks was 1, is 2"),
        ({"discriminator": {"num_features": 3}}, "discriminator.num_features was 4, is 3"),
        ({"weights": {"adversarial": 0.01}}, "weights.adversarial was 0.0, is 0.01"),
        ({"frozen": ("conv_first", "conv_hr")}, r"frozen was \['conv_first'\], is \['conv_first', 'conv_hr'\]"),
    ],
)
def test_a_resumed_run_names_what_does_not_fit(
    make_stage: Any, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    stage = make_stage("l2h")
    weights = dataclasses.replace(stage.config.weights, adversarial=0.0 if "weights" in changes else 0.01)
    config = dataclasses.replace(stage.config, frozen=("conv_first",), weights=weights)
    trainer = stage.trainer(tmp_path, config)
    trainer.begin_stretch([])
    trainer.save()
    changed = {
        key: dataclasses.replace(getattr(config, key), **value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    with pytest.raises(SrdganError, match=rf"checkpoint\.pt does not fit the configuration: {message}$"):
        stage.trainer(tmp_path, dataclasses.replace(config, **changed, learning_rate=2e-3))


def test_a_full_disk_keeps_the_checkpoint_before(make_stage: Any, tmp_path: Path) -> None:
    """torch raises an error about its own file format then, which would say nothing to a user."""
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path)
    trainer.save()
    before = trainer.checkpoint.read_bytes()
    for size in (0, 3000, len(before) // 2):
        with small_disk(size), pytest.raises(SrdganError, match=r"checkpoint\.pt cannot be written: File too large$"):
            trainer.save()
    assert trainer.checkpoint.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_log_that_was_cut_off_goes_on_in_a_new_line(make_stage: Any, tmp_path: Path) -> None:
    trainer = make_stage("l2h").trainer(tmp_path)
    trainer.log({"loss": 1})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"iteration": 1, "lo')
    trainer.log({"loss": 2})
    trainer.log({"loss": 3})
    assert (tmp_path / "log.jsonl").read_text().splitlines() == [
        '{"iteration": 0, "loss": 1}',
        '{"iteration": 1, "lo',
        '{"iteration": 0, "loss": 2}',
        '{"iteration": 0, "loss": 3}',
    ]


def test_a_run_that_is_over_says_so(make_stage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = make_stage("l2h")
    run.run(stage.trainer(tmp_path), stage.make_batch)
    capsys.readouterr()
    assert run.run(stage.trainer(tmp_path), stage.make_batch)
    assert capsys.readouterr().err == "the run is over at iteration 6: nothing was trained\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"record": None}, r": its record is of another type"),
        ({"iteration": "2"}, r": its iteration is of another type"),
        ({"kernels": ...}, ""),  # taken away
    ],
)
def test_rejects_what_is_no_checkpoint(make_stage: Any, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path)
    trainer.save()
    state = torch.load(trainer.checkpoint, weights_only=True) | change
    torch.save({name: value for name, value in state.items() if value is not ...}, trainer.checkpoint)
    with pytest.raises(SrdganError, match=rf"checkpoint\.pt is damaged, or no checkpoint of a run{reason}$"):
        stage.trainer(tmp_path)


def test_rejects_a_checkpoint_of_another_optimiser(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    stage.trainer(tmp_path, dataclasses.replace(stage.config, optimiser="muon")).save()
    with pytest.raises(SrdganError, match=r"checkpoint\.pt is of optimiser 'muon', not 'adam'"):
        stage.trainer(tmp_path)


def test_the_loss_is_the_weighted_sum(stage: Any, tmp_path: Path) -> None:
    """Equations 2 and 8."""
    trainer = stage.trainer(tmp_path)
    loss = trainer.step(stage.make_batch(0))
    figures = trainer.take_figures()
    total = 0.0
    for gan in trainer.gans:
        weights = getattr(stage.config, "weights", None) or getattr(stage.config, f"{gan.prefix or 'l2h_'}weights")
        total += sum(weight * figures[gan.prefix + name] for name, weight in vars(weights).items() if weight)
        assert f"{gan.prefix}discriminator" in figures
    assert loss == pytest.approx(total, abs=2e-4)
    assert trainer.take_figures() == {}


@pytest.mark.parametrize("relativistic", [False, True])
def test_the_generator_moves_against_the_discriminator(stage: Any, tmp_path: Path, relativistic: bool) -> None:
    """With the discriminators held still, the adversarial losses fall."""
    trainer = stage.trainer(tmp_path, dataclasses.replace(stage.config, relativistic=relativistic))
    for gan in trainer.gans:
        gan._weights = {name: float(name == "adversarial") for name in gan._weights}
        gan.discriminator.net.eval()  # no further power iteration
        gan.discriminator.optimiser.step = lambda: None
    batch = stage.make_batch(0)
    losses = [trainer.step(batch) for _ in range(20)]
    assert losses[-1] < 0.99 * losses[0]


def test_bf16_trains_close_to_fp32_and_keeps_fp32_weights(stage: Any, tmp_path: Path) -> None:
    config = dataclasses.replace(stage.config, engine=EngineConfig(precision="bf16"))
    half, full = stage.trainer(tmp_path / "half", config), stage.trainer(tmp_path / "full")
    batch = stage.make_batch(0)
    first = half.step(batch), full.step(batch)
    assert first[0] == pytest.approx(first[1], rel=0.05)
    assert first[0] != first[1]
    assert all(p.dtype == torch.float32 for p in half.gans[0].generator.net.parameters())


def test_checkpointed_blocks_give_the_same_gradients(stage: Any, tmp_path: Path) -> None:
    config = dataclasses.replace(stage.config, engine=EngineConfig(checkpoint_blocks=True))
    trainers = [stage.trainer(tmp_path / "twice", config), stage.trainer(tmp_path / "once")]
    for trainer in trainers:
        trainer.step(stage.make_batch(0))
    for one, two in zip(*(trainer.gans for trainer in trainers), strict=True):
        named = zip(one.generator.net.named_parameters(), two.generator.net.parameters(), strict=True)
        for (name, a), b in named:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-7, msg=name)
        assert one.generator.net.state_dict().keys() == two.generator.net.state_dict().keys()


def test_checkpointed_blocks_run_twice(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path, dataclasses.replace(stage.config, engine=EngineConfig(checkpoint_blocks=True)))
    calls = []
    trainer.gans[0].generator.net.body[0].rdb1.register_forward_hook(lambda *_: calls.append(1))
    trainer.step(stage.make_batch(0))
    assert len(calls) == 2


@pytest.mark.slow
def test_a_compiled_net_trains_alike(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    config = dataclasses.replace(stage.config, engine=EngineConfig(compile=True))
    compiled, eager = stage.trainer(tmp_path / "compiled", config), stage.trainer(tmp_path / "eager")
    batch = stage.make_batch(0)
    assert compiled.step(batch) == pytest.approx(eager.step(batch), rel=1e-4)
    assert compiled.gans[0].generator.net.state_dict().keys() == eager.gans[0].generator.net.state_dict().keys()
