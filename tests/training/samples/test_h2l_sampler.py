from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srdgan_rt.errors import InputError
from training.data.pictures import DataFolder
from training.samples.h2l_sampler import H2LBatch, H2LSampler
from training.samples.sources import Sources


def make_sampler(root: Path, seed: int = 0, patch: int = 16) -> H2LSampler:
    return H2LSampler(Sources(DataFolder(root), patch, 0, torch.device("cpu")), 3, patch, seed)


def tensors(batch: H2LBatch) -> list[torch.Tensor]:
    return [batch.clean, batch.noise, batch.low_noisy, batch.real, batch.level]


def test_batches_are_a_function_of_seed_and_iteration(training_root: Path) -> None:
    first, second = make_sampler(training_root), make_sampler(training_root)
    first.batch(0)  # what was drawn before must not matter
    batch = tensors(first.batch(7))
    assert all(torch.equal(a, b) for a, b in zip(batch, tensors(second.batch(7)), strict=True))
    for other in (first.batch(6), first.batch(8), make_sampler(training_root, 1).batch(7)):
        assert not any(torch.equal(a, b) for a, b in zip(batch, tensors(other), strict=True))


def test_shapes(training_root: Path) -> None:
    batch = make_sampler(training_root).batch(0)
    assert [tuple(x.shape) for x in tensors(batch)] == [(3, 3, 64, 64)] * 2 + [(3, 3, 16, 16)] * 2 + [(3,)]
    assert batch.real_level.shape == (3,)


def test_the_noisy_picture_lies_on_the_middle_samples(training_root: Path) -> None:
    batch = make_sampler(training_root).batch(1)

    def error(y: int, x: int) -> float:
        return (batch.low_noisy - batch.clean[..., y::4, x::4]).square().mean().item()

    assert error(2, 2) == min(error(y, x) for y in range(4) for x in range(4))


def test_pairs_have_one_mean_colour(training_root: Path) -> None:
    batch = make_sampler(training_root).batch(2)
    difference = batch.low_noisy - batch.clean[..., 2::4, 2::4]
    assert difference.std() > 0.005
    assert difference.mean((2, 3)).abs().max() < 1e-5


def test_the_noise_has_the_level_of_the_pair(training_root: Path) -> None:
    batch = make_sampler(training_root).batch(0)
    torch.testing.assert_close(batch.noise.std((1, 2, 3)), batch.level, rtol=0.05, atol=0)


def test_rejects_patches_larger_than_the_pictures(training_root: Path) -> None:
    with pytest.raises(InputError, match=r"no photograph in .* has 1216 pixels a side"):
        make_sampler(training_root, patch=300)
