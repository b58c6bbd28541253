"""The whole chain of a machine that is there for some minutes: pack, train, split, join, go on."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from srdgan_rt.checkpoint import load_model
from srdgan_rt.errors import InputError
from srdgan_rt.metrics import open_data_set
from training import config as c
from training import pack
from training.loop.engine import Engine
from training.loop.throughput import count_step
from training.publish import shards
from training.samples.sampler import Batch
from training.stages.minutes import MinutesTrainer, scale_batch, train

TINY = c.L2HConfig(
    name="tiny",
    iterations=1_000_000,
    schedule="cosine",
    learning_rate=1e-3,
    warmup=2,
    checkpoint_every=5,
    model=c.ModelConfig(num_blocks=1, num_features=8, growth_channels=4),
    discriminator=c.PictureDiscriminatorConfig(num_features=4, num_halvings=2),
    weights=c.L2HWeightsConfig(1.0, 0.0, 0.0),
    batch=c.BatchConfig({"phone_noise": 1, "phone_pair": 1, "clean_nearest": 1, "clean_bicubic": 1}),
    phases=(c.PhaseConfig(patch=8),),
)


@pytest.fixture(autouse=True)
def _a_clock_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock takes 1 ms, so that a busy machine does as many steps as a quiet one."""
    ticks = itertools.count()
    monkeypatch.setattr("training.stages.minutes.time", SimpleNamespace(monotonic=lambda: next(ticks) / 1000))


@pytest.fixture(scope="module")
def packs(training_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("whole")
    for name in ("train_photos", "phone_pairs"):
        (data / name).symlink_to(training_root / name)
    (data / "phone_crops").symlink_to(training_root / "phone_pairs" / "train")
    assert open_data_set(data / "phone_crops").samples
    pack.write_packs(data, data / "packs", pack.PackOptions(megabytes=2, crop=88, frame=128))
    return data / "packs"


def test_the_whole_chain(packs: Path, tmp_path: Path) -> None:
    made = train(TINY, packs, tmp_path / "run", 0.0008)
    joined = tmp_path / "tiny.safetensors"
    shards.join(made, joined)
    net = load_model(str(joined)).net
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert records[0]["batch_milliseconds"] > 0
    assert records[-2]["learning_rate"] == 0
    assert 0 <= records[-2]["percent_of_peak"] < 100  # of so small a net it may round to 0
    assert records[-1]["phone_crops_psnr"] > 10
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert saved["iteration"] == records[-1]["iteration"] > 2
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor.half(), saved["params_ema"][name].half())

    # Weights that came back as shards are where the next machine starts; its own checkpoint goes before them.
    trainer = MinutesTrainer(
        dataclasses.replace(TINY, init=str(joined)), tmp_path / "next", Engine(TINY.engine), None, 1e9, 1.0
    )
    for name, tensor in trainer.gan.ema.state_dict().items():
        assert torch.equal(tensor.half(), net.state_dict()[name].half())
    train(TINY, packs, tmp_path / "run", 0.0003, init=[tmp_path / "not_there"])
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()[len(records) :]
    assert json.loads(lines[0])["init"] == []  # it is not used
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["iteration"] > saved["iteration"]


def test_the_paper_s_losses_and_all_kinds_of_samples(packs: Path, tiny_vgg: Path, tmp_path: Path) -> None:
    """The second half of a training: features, a discriminator, pairs that a high-to-low net makes on the way."""
    whole = c.BatchConfig({**TINY.batch.counts, "camera_frame": 1, "gmsr": 1})
    config = dataclasses.replace(
        TINY, batch=whole, weights=c.L2HWeightsConfig(1.0, 0.1, 0.01), feature_layer="conv1_2", relativistic=True
    )
    with pytest.raises(InputError, match="vgg"):
        train(config, packs, tmp_path / "run", 0.0005)
    train(config, packs, tmp_path / "run", 0.0008, vgg=tiny_vgg)
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"pixel", "feature", "adversarial", "discriminator"} <= records[-2].keys()


def test_the_schedule_follows_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("training.stages.minutes.time.monotonic", lambda: now)
    trainer = MinutesTrainer(TINY, tmp_path, Engine(TINY.engine), None, ends=160.0, peak=1.0)
    assert trainer.learning_rate() == pytest.approx(TINY.learning_rate / 2)  # the first of two of the warm-up
    trainer.iteration = 7
    now = 130.0
    assert trainer.learning_rate() == pytest.approx(TINY.learning_rate / 2)
    now = 170.0
    assert trainer.done() == 1
    assert trainer.learning_rate() == pytest.approx(0)
    now = 110.0
    assert trainer.done() < 1
    trainer.iteration = TINY.iterations  # no batch is left, however much time there is
    assert trainer.done() == 1


def test_the_phases_follow_the_clock(packs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patches = []
    step = MinutesTrainer.step

    def noted_step(trainer: MinutesTrainer, batch: Batch) -> float:
        patches.append(batch.low.shape[-1])
        return step(trainer, batch)

    monkeypatch.setattr(MinutesTrainer, "step", noted_step)
    phases = (c.PhaseConfig(0.5, 8), c.PhaseConfig(1.0, 12))
    train(dataclasses.replace(TINY, phases=phases), packs, tmp_path, 0.0008)
    assert set(patches) == {8, 12}
    assert patches == sorted(patches)


def test_operations_are_those_of_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.stages.minutes.time.monotonic", lambda: 0.0)
    monkeypatch.setattr("training.stages.minutes.finished_at", lambda _: 2.0)
    trainer = MinutesTrainer(TINY, tmp_path, Engine(TINY.engine), None, ends=1e9, peak=1e-9)
    for patch in (8, 4):
        high, low_clean = torch.rand(2, 3, 4 * patch, 4 * patch), torch.rand(1, 3, patch, patch)
        trainer.step(Batch(torch.rand(3, 3, patch, patch), high, low_clean))
    tflop = count_step(TINY.model, 3 * (8 * 8 + 4 * 4))
    assert trainer.take_figures()["percent_of_peak"] == pytest.approx(100 * tflop / 2 / 1e-9, rel=1e-3)


def test_a_batch_of_another_size_has_the_same_mixture() -> None:
    assert scale_batch(TINY.batch, 8) == c.BatchConfig({name: 2 * count for name, count in TINY.batch.counts.items()})
    with pytest.raises(InputError, match="multiple of the configuration's 4 samples, got 6"):
        scale_batch(TINY.batch, 6)


def test_what_cannot_run_is_one_line(packs: Path, tmp_path: Path) -> None:
    for minutes in (0, float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"minutes must be positive and finite, got {minutes}"):
            train(TINY, packs, tmp_path, minutes)
    with pytest.raises(InputError, match=r"there is no folder .*train_photos"):
        train(TINY, tmp_path, tmp_path, 1)
    with pytest.raises(InputError, match="schedule = 'cosine'"):
        train(dataclasses.replace(TINY, schedule="halve"), packs, tmp_path, 1)
