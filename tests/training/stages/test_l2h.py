from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import L2HNet
from training import config as c
from training.loop.engine import Engine
from training.loop.lock import hold_folder
from training.models.initialise import initialise
from training.samples.sampler import Batch, Sampler
from training.stages.l2h import L2HTrainer

PIXEL_ONLY = c.L2HWeightsConfig(1.0, 0.0, 0.0)
TINY = c.L2HConfig(
    name="tiny",
    iterations=6,
    model=c.ModelConfig(num_blocks=1, num_features=8, growth_channels=4),
    discriminator=c.PictureDiscriminatorConfig(num_features=4, num_halvings=2),
    weights=PIXEL_ONLY,
    phases=(c.PhaseConfig(patch=8),),
)


def test_initialisation_is_bilinear_enlargement() -> None:
    net = L2HNet(num_blocks=1, num_features=8, growth_channels=4)
    initialise(net, seed=0)
    with torch.no_grad():
        for name in ("conv_last", "conv_hr"):  # silence the random channels: what is left is the colour path
            getattr(net, name).weight[:, 3:] = 0
        for conv in net.upsampling_convs():
            conv.weight[:3, 3:] = 0
        low = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
        result = net(low)
    expected = torch.nn.functional.interpolate(low, scale_factor=2, mode="bilinear")
    expected = torch.nn.functional.interpolate(expected, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(result[..., 8:-8, 8:-8], expected[..., 8:-8, 8:-8], atol=1e-5, rtol=0)


def grey_trainer(config: c.L2HConfig, folder: Path) -> L2HTrainer:
    """Its net answers 0.5 to everything."""
    trainer = L2HTrainer(config, folder, Engine(config.engine), None)
    net = trainer.gan.generator.net
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.conv_last.bias.fill_(0.5)
    return trainer


@pytest.mark.parametrize(("loss", "expected"), [("l1", (0.3 + 0.4) / 2), ("l2", (0.09 + 0.16) / 2)])
def test_pixel_losses_by_hand(tmp_path: Path, loss: str, expected: float) -> None:
    """A sample with a known HR, and one of which only the low-resolution samples are known."""
    trainer = grey_trainer(dataclasses.replace(TINY, loss=loss), tmp_path)
    high, clean = torch.full((1, 3, 32, 32), 0.2), torch.full((1, 3, 8, 8), 0.9)
    assert trainer.step(Batch(torch.zeros(2, 3, 8, 8), high, clean)) == pytest.approx(expected, abs=1e-6)


def test_equation_8_by_hand(tmp_path: Path) -> None:
    """The discriminator returns 2 for everything: pixel 0.3, and -log sigmoid(2) = log(1 + exp(-2))."""
    trainer = grey_trainer(dataclasses.replace(TINY, weights=c.L2HWeightsConfig(2.0, 0.0, 0.5)), tmp_path)
    discriminator = trainer.gan.discriminator
    discriminator.net.forward = lambda x: 2 + 0 * x.mean() * discriminator.net.convs[0].bias.sum()
    batch = Batch(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 32, 32), 0.2), torch.zeros(0, 3, 8, 8))
    _, loss_inputs = trainer.compare(batch)[0]
    loss, _ = trainer.gan.generator_loss(loss_inputs)
    assert loss.item() == pytest.approx(2 * 0.3 + 0.5 * 0.1269280, abs=1e-6)


def test_the_pixel_loss_alone_needs_neither_discriminator_nor_features(tmp_path: Path) -> None:
    trainer = L2HTrainer(TINY, tmp_path, Engine(TINY.engine), None)
    assert trainer.gan.discriminator is None
    trainer.save()
    saved = torch.load(trainer.checkpoint, weights_only=True)
    assert saved.keys() == {"iteration", "record", "params", "params_ema", "optimiser", "optimiser_name", "kernels"}


def test_patches_too_small_for_the_discriminator_are_refused_before_the_run(tmp_path: Path) -> None:
    """Those of a later phase, too: such a run would end in the middle."""
    phases = (c.PhaseConfig(until=0.5, patch=8), c.PhaseConfig(patch=6))
    config = dataclasses.replace(TINY, phases=phases, weights=c.L2HWeightsConfig(1.0, 0.0, 0.1))
    with pytest.raises(InputError, match="patch must be at least 7 where num_halvings is 2, got 6"):
        L2HTrainer(config, tmp_path, Engine(TINY.engine), None)
    L2HTrainer(dataclasses.replace(config, weights=PIXEL_ONLY), tmp_path, Engine(TINY.engine), None)


def test_gradients_are_clipped_and_their_norm_is_logged(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    config = dataclasses.replace(stage.config, gradient_norm=1e-3)
    trainer = stage.trainer(tmp_path, config)
    trainer.step(stage.make_batch(0))
    squares = sum(p.grad.square().sum() for p in trainer.gan.generator.net.parameters())
    assert squares.sqrt().item() == pytest.approx(1e-3, rel=1e-3)
    assert trainer.take_figures()["largest_gradient_norm"] > 1e-3


def test_a_rate_of_conv_body_is_that_of_scaled_weights(tmp_path: Path) -> None:
    """Weights that are smaller, behind features that are larger, learn as before."""
    rate = 0.1
    batch = Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32), torch.rand(0, 3, 8, 8))
    steps = []
    for scale in (1.0, rate):
        config = dataclasses.replace(TINY, conv_body_rate=scale, gradient_norm=0.01)
        trainer = L2HTrainer(config, tmp_path / str(scale), Engine(config.engine), None)
        net = trainer.gan.generator.net
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.normal_(0, 0.1, generator=generator)
                parameter *= scale if name.startswith("conv_body.") else 1
        net.conv_body.register_forward_hook(lambda module, inputs, output, scale=scale: output / scale)
        before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
        trainer.step(batch)
        steps.append({name: parameter.detach() - before[name] for name, parameter in net.named_parameters()})
    for name, step in steps[0].items():
        expected = rate * step if name.startswith("conv_body.") else step
        torch.testing.assert_close(steps[1][name], expected, rtol=1e-2, atol=1e-7)
        assert step.any()


def test_a_rate_of_conv_body_must_be_positive() -> None:
    with pytest.raises(InputError, match="conv_body_rate must be positive and finite, got 0"):
        dataclasses.replace(TINY, conv_body_rate=0)


def test_frozen_layers_keep_their_weights(tmp_path: Path) -> None:
    frozen = ("conv_first", "body", "conv_body")
    config = dataclasses.replace(TINY, frozen=frozen, engine=c.EngineConfig(kernels="auto"))
    trainer = L2HTrainer(config, tmp_path, Engine(config.engine), None)
    net = trainer.gan.generator.net
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    trainer.step(Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32), torch.rand(0, 3, 8, 8)))
    for name, parameter in net.named_parameters():
        is_frozen = name.partition(".")[0] in frozen
        assert torch.equal(parameter, before[name]) == is_frozen
        assert (parameter.grad is None) == is_frozen


def test_several_processes_do_not_wait_for_frozen_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under torchrun, by a group of one process."""
    config = dataclasses.replace(TINY, frozen=("conv_first", "body"))
    monkeypatch.setattr(Engine, "parallelise", lambda _, net: DistributedDataParallel(net))
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        trainer = L2HTrainer(config, tmp_path, Engine(config.engine), None)
        for _ in range(2):
            trainer.step(Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32), torch.rand(0, 3, 8, 8)))
    finally:
        torch.distributed.destroy_process_group()


def test_frozen_layers_must_exist() -> None:
    with pytest.raises(InputError, match=r"frozen must hold names of conv_first, body, .*, got 'trunk'"):
        dataclasses.replace(TINY, frozen=("trunk",))


def test_starts_from_a_model(tmp_path: Path) -> None:
    first = L2HTrainer(dataclasses.replace(TINY, seed=5), tmp_path / "first", Engine(TINY.engine), None)
    first.save()
    second = L2HTrainer(
        dataclasses.replace(TINY, init=str(first.checkpoint)), tmp_path / "second", Engine(TINY.engine), None
    )
    for net in (second.gan.generator.net, second.gan.ema):
        expected = first.gan.ema.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())
    larger = dataclasses.replace(TINY, init=str(first.checkpoint), model=c.ModelConfig(1, 9, 4))
    with pytest.raises(InputError, match="does not fit the model of the configuration"):
        L2HTrainer(larger, tmp_path / "third", Engine(TINY.engine), None)


_TOML = """name = "tiny"
iterations = 20
checkpoint_every = 3
schedule = "cosine"
[model]
num_blocks = 1
num_features = 8
growth_channels = 4
[discriminator]
num_features = 4
num_halvings = 2
[weights]
pixel = 1
feature = 0
adversarial = 0.01
[[phases]]
patch = 8
"""


def test_a_stopped_command_is_not_taken_for_a_finished_one(
    run_command: Any, training_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that follow it after ``&&`` must not run."""
    (tmp_path / "tiny.toml").write_text(_TOML)
    command = ("training.train_l2h", "--config", tmp_path / "tiny.toml", "--data", training_root, "--run", tmp_path)
    make_batch = Sampler.batch

    def interrupted_batch(sampler: Sampler, iteration: int, patch: int) -> Batch:
        if iteration == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return make_batch(sampler, iteration, patch)

    monkeypatch.setattr(Sampler, "batch", interrupted_batch)
    stopped = run_command(*command)
    assert (stopped.status, stopped.err) == (130, "stopped and saved at iteration 5\n")
    assert run_command(*command).status == 0
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["iteration"] == 20
    with hold_folder(tmp_path):
        second = run_command(*command)
    assert (second.status, second.err.count("\n")) == (1, 1)
    assert f"error: another process is writing into {tmp_path}" in second.err


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_been(run_command: Any, training_root: Path, tmp_path: Path) -> None:
    """SIGKILL at some moment; at most one interval is lost, and the end is bitwise that of an uninterrupted run."""
    (tmp_path / "tiny.toml").write_text(_TOML)
    options = ["--config", tmp_path / "tiny.toml", "--data", training_root]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-m", "training.train_l2h", *options, "--run", killed],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (killed / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(time.time_ns() % 97 / 1000)  # any moment will do
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["iteration"] % 3 in (0, 20 % 3)
    for folder in (killed, whole):
        assert run_command("training.train_l2h", *options, "--run", folder).status == 0
    one, two = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (killed, whole))
    assert one["iteration"] == two["iteration"] == 20
    for part in ("params", "params_ema", "discriminator_params"):
        assert all(torch.equal(one[part][name], two[part][name]) for name in one[part]), part
