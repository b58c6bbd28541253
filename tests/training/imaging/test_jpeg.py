"""JPEG in tensors, beside libjpeg."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import simplejpeg
import torch

from training.imaging.jpeg import compress_jpeg


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """A noisy picture whose sides are no multiples of a block."""
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.random((75, 90, 3), np.float32), (0, 0), 3)
    smooth = 255 * (smooth - smooth.min()) / np.ptp(smooth)
    return np.clip(np.rint(smooth + rng.normal(0, 6, smooth.shape)), 0, 255).astype(np.uint8)


def check_that_libjpeg_leaves_the_same(pixels: np.ndarray, quality: int) -> None:
    code = simplejpeg.encode_jpeg(pixels, quality, "RGB", "420")
    theirs = simplejpeg.decode_jpeg(code, "RGB").astype(np.float32)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    ours = compress_jpeg(picture, torch.tensor([quality]))[0].permute(1, 2, 0).numpy() * 255
    lost = ((theirs - pixels) ** 2).mean()
    assert ((ours - theirs) ** 2).mean() < 0.15 * lost  # coefficients near the middle between two steps go either way
    assert ((ours - pixels) ** 2).mean() == pytest.approx(lost, rel=0.03)


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 98])
def test_leaves_what_libjpeg_leaves(pixels: np.ndarray, quality: int) -> None:
    check_that_libjpeg_leaves_the_same(pixels, quality)


def test_steps_are_at_most_255_as_in_libjpeg() -> None:
    """Only coefficients as large as those of strong noise outlive such steps."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8).repeat(3, 2)
    check_that_libjpeg_leaves_the_same(noise, 5)


def test_each_picture_has_a_quality_of_its_own(pixels: np.ndarray) -> None:
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    both = compress_jpeg(picture.expand(2, -1, -1, -1), torch.tensor([70, 95]))
    for index, quality in enumerate((70, 95)):
        assert torch.equal(both[index], compress_jpeg(picture, torch.tensor([quality]))[0])
    assert (both[0] - picture[0]).abs().mean() > 1.3 * (both[1] - picture[0]).abs().mean()
