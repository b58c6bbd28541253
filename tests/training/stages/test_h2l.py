from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from srdgan_rt.errors import InputError
from training.config import EngineConfig
from training.loop.engine import Engine
from training.models.losses import pixel_loss
from training.stages.h2l import H2LTrainer, as_file


def test_a_fresh_net_costs_what_plain_noise_costs(make_stage: Any, tmp_path: Path) -> None:
    """Equation 3 by hand: the net is (HR_c + N)[4i + 2] at the start."""
    stage = make_stage("h2l")
    trainer, batch = stage.trainer(tmp_path), stage.make_batch(0)
    trainer.step(batch)
    plain = (batch.clean + batch.noise)[..., 2::4, 2::4]
    assert trainer.take_figures()["pixel"] == pytest.approx(pixel_loss(plain, batch.low_noisy).item(), abs=2e-6)


def test_starts_from_an_earlier_run(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("h2l")
    first = stage.trainer(tmp_path / "first")
    first.step(stage.make_batch(0))
    first.save()
    config = dataclasses.replace(stage.config, init=str(first.checkpoint))
    second = stage.trainer(tmp_path / "second", config)
    assert second.iteration == 0
    expected = first.gan.ema.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in second.gan.generator.net.state_dict().items())
    larger = dataclasses.replace(config, model=dataclasses.replace(config.model, num_features=9))
    with pytest.raises(InputError, match="does not fit the model of the configuration"):
        stage.trainer(tmp_path / "third", larger)


def test_rejects_a_feature_loss_without_features(make_stage: Any, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the weight of the feature loss is 0\.05, so the weights of VGG16 are needed"
    ):
        H2LTrainer(make_stage("h2l").config, tmp_path, Engine(EngineConfig()), None)


def test_as_file_clips_and_rounds_and_gradients_pass_the_rounding() -> None:
    low = torch.tensor([-0.2, 0.5001, 1.3], requires_grad=True)
    written = as_file(low)
    torch.testing.assert_close(written, torch.tensor([0.0, 128 / 255, 1.0]))
    written.sum().backward()
    assert low.grad.tolist() == [0, 1, 0]


def test_the_command_trains_and_reports(run_command: Any, training_root: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "phone_pairs").mkdir(parents=True)
    for name in ("train_photos", "phone_pairs/train"):
        (data / name).symlink_to(training_root / name)
    (data / "phone_pairs" / "test").symlink_to(training_root / "phone_pairs" / "train")
    (tmp_path / "tiny.toml").write_text(
        'name = "tiny"\niterations = 2\nbatch = 1\npatch = 16\nvalidate_every = 2\n'
        "[model]\nnum_blocks = 1\nnum_features = 8\n[discriminator]\nnum_features = 4\n[weights]\nfeature = 0\n"
    )
    options = ["--config", tmp_path / "tiny.toml", "--data", data, "--run", tmp_path / "run"]
    assert run_command("training.train_h2l", *options).status == 0
    losses, noise = (json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert losses["iteration"] == noise["iteration"] == 2
    assert {"loss", "pixel", "adversarial", "discriminator", "learning_rate", "iterations_per_second"} <= set(losses)
    assert {"noise_sd", "noise_variance_error", "noise_lag1", "noise_channels", "noise_akld", "colour_shift"} <= set(
        noise
    )
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["iteration"] == 2
