"""The camera model in tensors, beside that of srdgan_rt.camera."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.camera import Camera, simulate_capture
from srdgan_rt.camera.demosaic import BAYER_PATTERNS
from training.imaging.camera import Cameras
from training.imaging.random_source import RandomSource

CPU = torch.device("cpu")
CAMERA = Camera(shot=0.001, read=0.0001, white_balance=(2.1, 1.6), response=0.02, shoulder=0.7)


def make_picture(height: int = 40, width: int = 33) -> np.ndarray:
    noise = np.random.default_rng(0).random((height, width, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


def as_batch(picture: np.ndarray, count: int) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).expand(count, -1, -1, -1).contiguous()


@pytest.mark.parametrize("mosaic", [True, False])
def test_without_noise_both_make_the_same_pictures(mosaic: bool) -> None:
    quiet = [dataclasses.replace(CAMERA, shot=0, read=0, response=0, pattern=pattern) for pattern in BAYER_PATTERNS]
    picture = make_picture()
    frames = Cameras(quiet, CPU).capture_by(
        as_batch(picture, 4), torch.arange(4), RandomSource((0,), CPU), mosaic=mosaic
    )
    for camera, frame in zip(quiet, frames, strict=True):
        expected = simulate_capture(picture, camera, np.random.default_rng(0), mosaic=mosaic)
        np.testing.assert_allclose(frame.permute(1, 2, 0).numpy(), expected, rtol=0, atol=2e-4)
    assert torch.allclose(frames[0], frames[1], atol=1e-4) != mosaic


@pytest.mark.parametrize("mosaic", [True, False])
@pytest.mark.parametrize("level", [0.0, 0.04, 0.3, 0.97])
def test_noise_has_the_same_mean_and_variance(level: float, mosaic: bool) -> None:
    """In the dark and the light, where it is cut off, too."""
    side = 256 if mosaic else 80
    flat = np.full((side, side, 3), level, np.float32)
    frame = Cameras([CAMERA], CPU).capture(as_batch(flat, 1), RandomSource((0,), CPU), mosaic=mosaic)
    expected = simulate_capture(flat, CAMERA, np.random.default_rng(0), mosaic=mosaic)
    for ours, theirs in zip(frame[0].double(), np.moveaxis(expected, -1, 0).astype(np.float64), strict=True):
        assert float(ours.std()) == pytest.approx(
            theirs.std(), rel=0.03 if mosaic else 0.08, abs=0.003
        )  # at 0 few samples have any noise
        chance = 5 * theirs.std() * 2**0.5 / side  # of two means that differ by chance alone
        assert float(ours.mean()) == pytest.approx(theirs.mean(), abs=max(0.003, chance))
