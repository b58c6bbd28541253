"""Denoising in tensors, beside OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from training.imaging import denoise


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Two noisy pictures ``(H, W, 3)`` with edges, 8 bits."""
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.random((2 * 40, 46, 3), np.float32), (0, 0), 3)
    smooth = np.rint(4 * (smooth - smooth.min()) / np.ptp(smooth)) / 4 * 200 + 20
    noisy = smooth + rng.normal(0, 8, smooth.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8).reshape(2, 40, 46, 3)


def as_batch(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def as_pixels(pictures: torch.Tensor) -> np.ndarray:
    return pictures.permute(0, 2, 3, 1).numpy() * 255


def test_bilateral_is_opencv_s(pixels: np.ndarray) -> None:
    colour = torch.tensor([0.1, 0.3])
    ours = as_pixels(denoise.bilateral(as_batch(pixels), colour, 1.3, 2))
    for picture, sigma, result in zip(pixels, colour.tolist(), ours, strict=True):
        whole = picture.astype(np.float32) / 255
        expected = cv2.bilateralFilter(whole, 5, sigma, 1.3, borderType=cv2.BORDER_REFLECT_101) * 255
        np.testing.assert_allclose(result, expected, atol=0.1)  # OpenCV interpolates its weights in a table


def test_non_local_means_is_opencv_s(pixels: np.ndarray) -> None:
    strength = torch.tensor([12.0, 30.0])
    ours = as_pixels(denoise.non_local_means(as_batch(pixels), strength / 255, 3))
    for picture, h, result in zip(pixels, strength.tolist(), ours, strict=True):
        expected = cv2.fastNlMeansDenoising(picture, None, h, 3, 7).astype(np.float64)
        assert np.abs(expected - picture).mean() > 1
        assert np.abs(result - expected).mean() < 0.5  # OpenCV works in whole numbers
        assert np.abs(result - expected).max() < 4


def test_wavelet_levels_are_opencv_s(pixels: np.ndarray) -> None:
    """Without noise nothing goes; with very much only what the last smoothing leaves stays."""
    pictures = as_batch(pixels)
    torch.testing.assert_close(denoise.wavelet(pictures, torch.zeros(2)), pictures, atol=1e-5, rtol=0)
    smooth = as_pixels(denoise.wavelet(pictures, torch.full((2,), 1e3))) / 255
    for picture, result in zip(pixels, smooth, strict=True):
        expected = picture.astype(np.float32) / 255
        for step in (1, 2, 4):
            taps = np.zeros(4 * step + 1, np.float32)
            taps[::step] = np.array([1, 4, 6, 4, 1], np.float32) / 16
            expected = cv2.sepFilter2D(expected, -1, taps, taps, borderType=cv2.BORDER_REFLECT_101)
        np.testing.assert_allclose(result, expected, atol=1e-4)


def test_wavelet_takes_out_noise_of_the_strength_it_is_told() -> None:
    noise = torch.randn(1, 3, 200, 200, generator=torch.Generator().manual_seed(0)) * 0.05
    left = denoise.wavelet(0.5 + noise, torch.tensor([0.05])) - 0.5
    assert left.std() < 0.25 * noise.std()
