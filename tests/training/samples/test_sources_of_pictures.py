"""Crops from pictures of any sizes, noise of frames, and the pictures that are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.pictures import read_frames
from training.imaging.random_source import RandomSource
from training.samples.clean_pictures import CleanPictures
from training.samples.frames import Frames
from training.samples.patterns import draw_flats, draw_patterns
from training.samples.picture_store import PictureStore

CPU = torch.device("cpu")


def test_crops_are_places_of_their_pictures() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*sides, 2), np.uint8) for sides in ((7, 9), (6, 5), (12, 4))]
    chosen = torch.tensor([0, 1, 2] * 20)
    crops = PictureStore(pictures, CPU).crop(chosen, 4, RandomSource((0,), CPU))
    assert crops.shape == (60, 2, 4, 4)
    for number, crop in zip(chosen.tolist(), (crops * 255).round().permute(0, 2, 3, 1).numpy(), strict=True):
        places = np.lib.stride_tricks.sliding_window_view(pictures[number], (4, 4, 2))[:, :, 0]
        ways = [np.rot90(crop[:, ::-1] if mirrored else crop, turns) for mirrored in (0, 1) for turns in range(4)]
        assert any((places == way).all((2, 3, 4)).any() for way in ways)
    assert len({crop.tobytes() for crop in crops.numpy()}) > 40


def test_resampled_noise_has_the_frame_s_variance_at_each_brightness(training_root: Path) -> None:
    frames = Frames(read_frames(training_root, "train"), CPU)
    for level in (64, 128, 192):
        clean = torch.full((2, 3, 100, 100), level / 255)
        noise = (frames.resample_noise(clean, torch.zeros(2, dtype=torch.int64), RandomSource((0,), CPU)) - clean) * 255
        assert noise.std().item() == pytest.approx(5 + level / 16, rel=0.1)
        assert abs(noise.mean().item()) < 1


@pytest.mark.parametrize("level", [0, 30, 200, 255])
def test_brightness_that_a_frame_lacks_gets_many_residuals(level: int) -> None:
    rng = np.random.default_rng(0)
    clean = rng.integers(60, 150, (64, 64, 1), np.uint8).repeat(3, 2)
    noisy = np.clip(clean + rng.normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    flat = torch.full((1, 3, 50, 50), level / 255)
    noise = Frames([(clean, noisy)], CPU).resample_noise(
        flat, torch.zeros(1, dtype=torch.int64), RandomSource((0,), CPU)
    )
    _, counts = (255 * (noise - flat)).round().flatten(2)[0].unique(dim=1, return_counts=True)
    assert counts.max() < 0.2 * counts.sum()


def test_noisy_frames_are_picked_more_often() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((16, 20, 3), 100, np.uint8)
    pairs = [(clean, (clean + rng.normal(0, sd, clean.shape)).astype(np.uint8)) for sd in (1, 9)]
    picked = Frames(pairs, CPU).pick(1000, RandomSource((0,), CPU))
    assert 0.8 < picked.float().mean() < 0.98


def test_flats_are_flat_or_nearly_and_often_dark() -> None:
    flats = draw_flats(400, 32, RandomSource((0,), CPU))
    spread = (flats.amax((2, 3)) - flats.amin((2, 3))).amax(1) * 255
    assert spread.max() <= 6
    assert 0.3 < (spread == 0).float().mean() < 0.8
    level = flats.mean((1, 2, 3)) * 255
    assert (level < 2).float().mean() > 0.15
    assert (level > 200).float().mean() > 0.03
    corners = ((flats == 0) | (flats == 1)).flatten(1).all(1)
    assert corners.float().mean() > 0.05


def test_flats_stand_anywhere_among_pictures() -> None:
    rng = np.random.default_rng(0)
    photograph = rng.integers(0, 256, (64, 64, 3), np.uint8)
    pictures = CleanPictures(PictureStore([photograph], CPU))
    flat = torch.zeros(3)
    for seed in range(200):
        drawn = pictures.draw(3, 16, RandomSource((seed,), CPU), noisy=True)
        flat += ((drawn.amax((2, 3)) - drawn.amin((2, 3))).amax(1) < 0.05).float()
    assert flat.min() > 2


def test_patterns_reach_the_limit_of_resolution() -> None:
    random = RandomSource((0,), CPU)
    patterns = torch.cat([draw_patterns(8, 64, random) for _ in range(12)])
    assert patterns.shape == (96, 3, 64, 64)
    assert patterns.min() >= 0
    assert patterns.max() <= 1
    low = torch.nn.functional.avg_pool2d(patterns, 4)
    neighbours = (low[..., 1:] - low[..., :-1]).abs().mean((1, 2, 3))
    assert neighbours.max() > 0.3  # checks of one small pixel, nearly black and white
    grey = (patterns == patterns[:, :1]).flatten(1).all(1)
    assert 0.5 < grey.float().mean() < 0.95
    assert draw_patterns(0, 64, random).shape == (0, 3, 64, 64)


@pytest.mark.parametrize("noisy", [False, True])
def test_patterns_are_for_clean_samples_alone(noisy: bool) -> None:
    grey = np.full((40, 40, 3), 128, np.uint8)
    drawn = CleanPictures(PictureStore([grey], CPU)).draw(400, 32, RandomSource((0,), CPU), noisy=noisy)
    contrast = (drawn.amax((2, 3)) - drawn.amin((2, 3))).amax(1)
    assert bool((contrast > 0.03).any()) != noisy
