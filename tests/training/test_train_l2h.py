from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training.train_pixel import Trainer, train

from srdgan_rt.errors import SrdganError
from srdgan_rt.models.l2h import L2HNet
from training.config import BatchConfig, ModelConfig, PhaseConfig, TrainConfig
from training.data import Batch, PairSampler
from training.initialise import initialise

TINY = TrainConfig(
    name="tiny",
    iterations=6,
    warmup=1,
    checkpoint_every=3,
    model=ModelConfig(num_blocks=1, num_features=8, growth_channels=4),
    batch=BatchConfig(1, 1, 1, 1, 1),
    phases=(PhaseConfig(until=1.0, patch=8),),
)


@pytest.fixture(scope="module")
def sampler(training_root: Path) -> PairSampler:
    return PairSampler(training_root, TINY.batch, TINY.seed, largest_patch=8)


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


def test_overfits_one_batch(sampler: PairSampler, tmp_path: Path) -> None:
    config = TrainConfig(
        name="one", iterations=150, warmup=5, learning_rate=4e-3, model=TINY.model, batch=TINY.batch, phases=TINY.phases
    )
    trainer = Trainer(config, tmp_path)
    batch = sampler.batch(0, 8)
    losses = [trainer.step(batch) for _ in range(150)]
    assert losses[-1] < 0.6 * losses[0]


def test_resume_equals_an_uninterrupted_run(sampler: PairSampler, tmp_path: Path) -> None:
    whole = Trainer(TINY, tmp_path / "whole")
    train(whole, sampler, None)

    first = Trainer(TINY, tmp_path / "parts")
    for _ in range(3):
        first.step(sampler.batch(first.iteration, 8))
    first.save()
    second = Trainer(TINY, tmp_path / "parts")
    assert second.iteration == 3
    train(second, sampler, None)

    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, second.average.state_dict()[name]), name


def test_a_loss_that_is_not_finite_stops_before_the_step(sampler: PairSampler, tmp_path: Path) -> None:
    trainer = Trainer(TINY, tmp_path)
    before = {name: value.clone() for name, value in trainer.net.state_dict().items()}
    batch = sampler.batch(0, 8)
    with pytest.raises(SrdganError, match="the loss is nan at iteration 0"):
        trainer.step(Batch(batch.low, batch.high * float("nan"), batch.low_clean))
    assert all(torch.equal(before[name], value) for name, value in trainer.net.state_dict().items())


def test_losses_by_hand(tmp_path: Path) -> None:
    trainer = Trainer(TINY, tmp_path)
    with torch.no_grad():
        for parameter in trainer.net.parameters():
            parameter.zero_()
        trainer.net.conv_last.bias.fill_(0.5)
    high, clean = torch.full((1, 3, 32, 32), 0.2), torch.full((1, 3, 8, 8), 0.9)
    batch = Batch(torch.zeros(2, 3, 8, 8), high, clean)
    assert trainer.loss(batch).item() == pytest.approx((0.3 + 0.4) / 2, abs=1e-6)


def test_the_log_tells_loss_and_speed(sampler: PairSampler, tmp_path: Path) -> None:
    trainer = Trainer(TINY, tmp_path)
    train(trainer, sampler, None)
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert records[-1]["iteration"] == TINY.iterations
    assert {"loss", "learning_rate", "iterations_per_second", "minutes_left"} <= set(records[-1])


@pytest.mark.slow
def test_a_kill_loses_at_most_one_interval(training_root: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(
        'name = "tiny"\niterations = 100000\ncheckpoint_every = 5\n'
        "[model]\nnum_blocks = 1\nnum_features = 8\ngrowth_channels = 4\n[[phases]]\nuntil = 1.0\npatch = 8\n"
    )
    run = tmp_path / "run"
    command = [sys.executable, "-m", "training.train_pixel", "--config", config, "--data", training_root, "--run", run]
    for _ in range(2):  # the second start resumes what the first left
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        before = (run / "checkpoint.pt").stat().st_mtime if (run / "checkpoint.pt").exists() else 0
        while time.monotonic() < deadline:
            if (run / "checkpoint.pt").exists() and (run / "checkpoint.pt").stat().st_mtime > before:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        iteration = torch.load(run / "checkpoint.pt", weights_only=True)["iteration"]
        assert iteration > 0
        assert iteration % 5 == 0
