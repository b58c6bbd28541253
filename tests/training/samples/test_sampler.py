"""Batches: a function of seed and iteration, shared by processes, and errors that name what is missing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.errors import ImageReadError, InputError
from training.config import BatchConfig
from training.data.batch import DataShard
from training.data.pictures import DataFolder
from training.samples.kinds import KINDS
from training.samples.sampler import Sampler
from training.samples.sources import Sources

CPU = torch.device("cpu")
ALL = BatchConfig({name: 1 for name in KINDS if name != "gmsr"})


def make_sampler(root: Path, batch: BatchConfig = ALL, seed: int = 0, shard: DataShard = DataShard()) -> Sampler:  # noqa: B008
    return Sampler(Sources(DataFolder(root), 12, seed, CPU), batch.counts, seed, shard)


def test_batches_are_a_function_of_seed_and_iteration(training_root: Path) -> None:
    first, second = make_sampler(training_root), make_sampler(training_root)
    first.batch(0, 12)  # what was drawn before must not matter
    batch = first.batch(7, 12)
    assert torch.equal(batch.low, second.batch(7, 12).low)
    assert torch.equal(batch.high, second.batch(7, 12).high)
    for other in (6, 8):
        assert not torch.equal(batch.low, first.batch(other, 12).low)
    assert not torch.equal(batch.low, make_sampler(training_root, seed=1).batch(7, 12).low)


def test_samples_without_a_known_hr_come_last(training_root: Path) -> None:
    batch = make_sampler(training_root, BatchConfig({"phone_pair": 3, "clean_nearest": 2})).batch(0, 12)
    assert batch.low.shape == (5, 3, 12, 12)
    assert batch.high.shape == (2, 3, 48, 48)
    assert batch.low_clean.shape == (3, 3, 12, 12)


def test_processes_share_a_batch(training_root: Path) -> None:
    config = BatchConfig({"phone_noise": 1, "clean_jpeg": 3, "phone_pair": 2})
    whole = make_sampler(training_root, config).batch(3, 12)
    parts = [make_sampler(training_root, config, shard=DataShard(rank, 2)).batch(3, 12) for rank in range(2)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.high, whole.high[rank::2])
        assert torch.equal(part.low_clean, whole.low_clean[rank::2])
        assert torch.equal(part.low[: len(part.high)], whole.low[: len(whole.high)][rank::2])
    with pytest.raises(InputError, match="multiple of the 2 processes, got 3"):
        make_sampler(training_root, BatchConfig({"phone_noise": 3}), shard=DataShard(0, 2))


def test_generated_pairs_need_nothing_else(tmp_path: Path) -> None:
    for folder, side in (("HR", 64), ("LRx4", 16)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), np.full((side, side, 3), 77, np.uint8))
    sources = Sources(DataFolder(tmp_path / "nowhere"), 12, 0, CPU, gmsr=tmp_path)
    batch = Sampler(sources, {"gmsr": 2}, 0).batch(0, 12)
    assert batch.low.unique().item() == batch.high.unique().item() == pytest.approx(77 / 255)


def test_generated_pairs_that_are_not_used_are_an_error(training_root: Path, tmp_path: Path) -> None:
    sources = Sources(DataFolder(training_root), 12, 0, CPU, gmsr=tmp_path)
    with pytest.raises(InputError, match=r"batch\.gmsr must be above 0 where --gmsr is given, got 0"):
        Sampler(sources, ALL.counts, 0)


@pytest.mark.parametrize(("folder", "message"), [("train_photos", "no folder"), ("phone_pairs", "no pairs of")])
def test_missing_data_are_named(training_root: Path, tmp_path: Path, folder: str, message: str) -> None:
    for name in ("train_photos", "phone_pairs"):
        if not folder.startswith(name):
            (tmp_path / name).symlink_to(training_root / name)
    with pytest.raises(InputError, match=message):
        make_sampler(tmp_path)


def test_only_what_is_asked_for_is_read(training_root: Path, tmp_path: Path) -> None:
    (tmp_path / "train_photos").symlink_to(training_root / "train_photos")
    assert make_sampler(tmp_path, BatchConfig({"phone_isp": 1})).batch(0, 12).low.shape == (1, 3, 12, 12)


def test_a_damaged_photograph_is_named(tmp_path: Path) -> None:
    (tmp_path / "train_photos").mkdir()
    (tmp_path / "train_photos" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=r"broken\.jpg"):
        make_sampler(tmp_path)
