from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.errors import InputError, SrdganError
from training import run
from training.config import DiscriminatorConfig, H2LConfig, H2LModelConfig, LossWeightsConfig
from training.data_h2l import H2LBatch, H2LSampler
from training.features import VGGFeatures
from training.losses import pixel_loss
from training.train_h2l import H2LTrainer, as_file, train

TINY = H2LConfig(
    name="tiny",
    iterations=4,
    batch=2,
    patch=16,
    checkpoint_every=2,
    model=H2LModelConfig(num_blocks=1, num_features=8),
    discriminator=DiscriminatorConfig(num_features=4),
    colour_weight=0.0,
    weights=LossWeightsConfig(feature=0.0),
)


@pytest.fixture(scope="module")
def sampler(training_root: Path) -> H2LSampler:
    return H2LSampler(training_root, TINY.batch, TINY.patch, TINY.seed)


def states(trainer: H2LTrainer) -> dict[str, torch.Tensor]:
    nets = {"net": trainer.net, "average": trainer.average, "discriminator": trainer.discriminator}
    tensors = {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}
    for name in ("optimiser", "discriminator_optimiser"):
        for index, moments in getattr(trainer, name).state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in moments.items()}
    return {name: value.clone() for name, value in tensors.items()}


def differing(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> list[str]:
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name], b[name])]


def test_overfits_one_batch(training_root: Path, tmp_path: Path) -> None:
    """By the pixel loss alone the net learns the noise of LR_n by heart, of which clean picture and N tell nothing."""
    sizes = H2LModelConfig(num_blocks=1, num_features=16)
    config = dataclasses.replace(TINY, learning_rate=1e-2, model=sizes, weights=LossWeightsConfig(1.0, 0.0, 0.0))
    trainer = H2LTrainer(config, tmp_path, None)
    batch = H2LSampler(training_root, 1, TINY.patch, TINY.seed).batch(0)
    clean, noisy = (x[..., 2::4, 2::4] for x in (batch.clean, batch.clean + batch.noise))
    losses = [trainer.step(batch) for _ in range(200)]
    assert losses[0] == pytest.approx(pixel_loss(noisy, batch.low_noisy).item())
    assert losses[-1] < 0.7 * pixel_loss(clean, batch.low_noisy).item()


@pytest.mark.parametrize("relativistic", [False, True])
def test_the_generator_moves_against_the_discriminator(sampler: H2LSampler, tmp_path: Path, relativistic: bool) -> None:
    """With the discriminator held still, the adversarial loss falls."""
    config = dataclasses.replace(
        TINY, learning_rate=1e-3, relativistic=relativistic, weights=LossWeightsConfig(0.0, 0.0, 1.0)
    )
    trainer = H2LTrainer(config, tmp_path, None)
    batch = sampler.batch(0)
    trainer.discriminator.eval()  # no further power iteration
    trainer._update_discriminator = lambda low, batch: 0.0  # type: ignore[method-assign]
    losses = [trainer.step(batch) for _ in range(20)]
    assert losses[-1] < 0.99 * losses[0]


def test_the_loss_is_equation_2(sampler: H2LSampler, tmp_path: Path) -> None:
    weights = LossWeightsConfig(pixel=2.0, feature=0.0, adversarial=0.5)
    trainer = H2LTrainer(dataclasses.replace(TINY, weights=weights, colour_weight=30.0), tmp_path, None)
    loss = trainer.step(sampler.batch(0))
    figures = trainer.take_figures()
    expected = 2.0 * figures["pixel"] + 0.5 * figures["adversarial"] + 30.0 * figures["colour"]
    assert loss == pytest.approx(expected, abs=1e-4)
    assert trainer.take_figures() == {}


def test_features_take_part(sampler: H2LSampler, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {f"conv1_{i}.weight": rng.normal(0, 0.1, (3, 3, 3, 3)) for i in (1, 2)}
    np.savez(tmp_path / "vgg.npz", **arrays, **{f"conv1_{i}.bias": np.zeros(3) for i in (1, 2)})
    weights = LossWeightsConfig(pixel=0.0, feature=1.0, adversarial=0.0)
    features = VGGFeatures(tmp_path / "vgg.npz", "conv1_2")
    trainer = H2LTrainer(dataclasses.replace(TINY, weights=weights, learning_rate=1e-3), tmp_path, features)
    losses = [trainer.step(sampler.batch(0)) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_resume_equals_an_uninterrupted_run(sampler: H2LSampler, tmp_path: Path) -> None:
    whole = H2LTrainer(TINY, tmp_path / "whole", None)
    train(whole, sampler, None)

    first = H2LTrainer(TINY, tmp_path / "parts", None)
    for _ in range(2):
        first.step(sampler.batch(first.iteration))
    first.save()
    torch.rand(5)  # the global random state must not matter
    second = H2LTrainer(TINY, tmp_path / "parts", None)
    assert second.iteration == 2
    train(second, sampler, None)

    assert differing(states(whole), states(second)) == []


def test_a_loss_that_is_not_finite_stops_before_the_step(sampler: H2LSampler, tmp_path: Path) -> None:
    batch = sampler.batch(0)
    nan = batch.real * float("nan")
    trainer = H2LTrainer(TINY, tmp_path, None)
    start = {name: value.clone() for name, value in trainer.net.state_dict().items()}

    with pytest.raises(SrdganError, match="loss of the generator is nan at iteration 0"):
        trainer.step(dataclasses.replace(batch, low_noisy=nan))
    assert all(torch.equal(start[name], value) for name, value in trainer.net.state_dict().items())

    weights = {name: value.clone() for name, value in trainer.discriminator.named_parameters()}
    with pytest.raises(SrdganError, match="loss of the discriminator is nan at iteration 0"):
        trainer.step(dataclasses.replace(batch, real=nan))
    assert all(torch.equal(weights[name], value) for name, value in trainer.discriminator.named_parameters())


def test_ctrl_c_finishes_the_step_and_saves(
    sampler: H2LSampler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, stopped = (H2LTrainer(TINY, tmp_path / name, None) for name in ("whole", "stopped"))
    whole.step(sampler.batch(0))

    def interrupted_batch(iteration: int) -> H2LBatch:
        os.kill(os.getpid(), signal.SIGINT)
        return sampler.batch(iteration)

    handler = signal.getsignal(signal.SIGINT)
    run.run(stopped, TINY, interrupted_batch, None)
    assert "stopped and saved at iteration 1" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is handler
    assert differing(states(whole), states(H2LTrainer(TINY, tmp_path / "stopped", None))) == []


def test_rejects_a_checkpoint_of_other_sizes(tmp_path: Path) -> None:
    H2LTrainer(TINY, tmp_path, None).save()
    larger = dataclasses.replace(TINY, model=H2LModelConfig(num_blocks=1, num_features=9))
    with pytest.raises(SrdganError, match=r"checkpoint\.pt does not fit the configuration: size mismatch"):
        H2LTrainer(larger, tmp_path, None)


def test_rejects_a_feature_loss_without_features(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weights\.feature is 0\.05, so the weights of VGG16 are needed"):
        H2LTrainer(dataclasses.replace(TINY, weights=LossWeightsConfig()), tmp_path, None)


def test_as_file_clips_and_rounds_and_gradients_pass_the_rounding() -> None:
    low = torch.tensor([-0.2, 0.5001, 1.3], requires_grad=True)
    written = as_file(low)
    torch.testing.assert_close(written, torch.tensor([0.0, 128 / 255, 1.0]))
    written.sum().backward()
    assert low.grad.tolist() == [0, 1, 0]


def test_the_command_trains_and_reports(training_root: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "phone_pairs").mkdir(parents=True)
    for name in ("train_photos", "noise_model", "phone_pairs/train"):
        (data / name).symlink_to(training_root / name)
    (data / "phone_pairs" / "test").symlink_to(training_root / "phone_pairs" / "train")
    (tmp_path / "tiny.toml").write_text(
        'name = "tiny"\niterations = 2\nbatch = 1\npatch = 16\nvalidate_every = 2\n'
        "[model]\nnum_blocks = 1\nnum_features = 8\n[discriminator]\nnum_features = 4\n[weights]\nfeature = 0\n"
    )
    command = [sys.executable, "-m", "training.train_h2l", "--config", tmp_path / "tiny.toml", "--data", data]
    subprocess.run(
        [*command, "--run", tmp_path / "run"], cwd=Path(__file__).parents[2], check=True, capture_output=True
    )
    losses, noise = (json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert losses["iteration"] == noise["iteration"] == 2
    assert {"loss", "pixel", "adversarial", "discriminator", "learning_rate", "iterations_per_second"} <= set(losses)
    assert {"noise_sd", "noise_variance_error", "noise_lag1", "noise_channels", "noise_akld", "colour_shift"} <= set(noise)
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["iteration"] == 2
