"""Whole frames made on a device, beside those that the host makes."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.camera import Camera, photograph
from srdgan_rt.camera.demosaic import BAYER_PATTERNS
from training.device_camera import Cameras, photograph_frames

CPU = torch.device("cpu")
CAMERA = Camera(shot=0.001, read=0.0001, white_balance=(2.1, 1.6), response=0.02, shoulder=0.7)


def make_picture(height: int = 40, width: int = 33) -> np.ndarray:
    noise = np.random.default_rng(0).random((height, width, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


def as_batch(picture: np.ndarray, count: int) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).expand(count, -1, -1, -1).contiguous()


def test_without_noise_the_device_makes_the_host_s_frames() -> None:
    quiet = [dataclasses.replace(CAMERA, shot=0, read=0, response=0, pattern=pattern) for pattern in BAYER_PATTERNS]
    picture = make_picture()
    frames = Cameras(quiet, CPU).photograph(as_batch(picture, 4), torch.arange(4), torch.Generator())
    for camera, frame in zip(quiet, frames, strict=True):
        expected = photograph(picture, camera, np.random.default_rng(0), mosaic=True)
        np.testing.assert_allclose(frame.permute(1, 2, 0).numpy(), expected, rtol=0, atol=2e-4)
    assert not torch.equal(frames[0], frames[1])


@pytest.mark.parametrize("level", [0.0, 0.04, 0.3, 0.97])
def test_noise_has_the_host_s_mean_and_variance(level: float) -> None:
    """In the dark and the light, where it is cut off, too."""
    flat = np.full((256, 256, 3), level, np.float32)
    frame = Cameras([CAMERA], CPU).photograph(as_batch(flat, 1), torch.zeros(1, dtype=torch.int64), torch.Generator())
    expected = photograph(flat, CAMERA, np.random.default_rng(0), mosaic=True)
    for ours, theirs in zip(frame[0].double(), np.moveaxis(expected, -1, 0).astype(np.float64), strict=True):
        assert float(ours.std()) == pytest.approx(theirs.std(), rel=0.03, abs=0.003)  # at 0 few samples have any noise
        assert float(ours.mean()) == pytest.approx(theirs.mean(), abs=0.003)


def test_frames_lie_where_their_pictures_do() -> None:
    rng, generator = np.random.default_rng(0), torch.Generator()
    grey = np.repeat(0.3 + 0.4 * make_picture(48, 48)[..., :1], 3, -1)
    pictures = as_batch(grey, 5)
    cameras = Cameras.draw(0, CPU)
    frames = torch.cat([photograph_frames(pictures, cameras, rng, generator) for _ in range(16)])
    assert frames.shape == (80, 3, 48, 48)
    assert frames.min() >= 0
    assert frames.max() <= 1
    mean, inner = frames.mean(0), (..., slice(6, -6), slice(6, -6))
    errors = {
        shift: float((mean.roll(shift, (-2, -1)) - pictures[0])[inner].abs().mean())
        for shift in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    }
    assert min(errors, key=lambda shift: errors[shift]) == (0, 0)
    assert errors[0, 0] < 0.02


def test_frames_are_a_function_of_what_draws_them() -> None:
    cameras = Cameras.draw(1, CPU)
    pictures = as_batch(make_picture(24, 24), 3)
    first, again, other = (
        photograph_frames(pictures, cameras, np.random.default_rng(seed), torch.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_frames_at_all() -> None:
    cameras = Cameras([CAMERA], CPU)
    none = photograph_frames(torch.empty(0, 3, 24, 24), cameras, np.random.default_rng(0), torch.Generator())
    assert none.shape == (0, 3, 24, 24)
