"""Filters in tensors, beside those of OpenCV and of the package."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.image import enlarge_samples
from training.imaging import filters

PICTURES = torch.rand(2, 3, 21, 34, generator=torch.Generator().manual_seed(0))
SIGMAS = torch.tensor([0.6, 1.7])


def arrays(pictures: torch.Tensor) -> list[np.ndarray]:
    return [np.ascontiguousarray(picture.permute(1, 2, 0).numpy()) for picture in pictures]


def opencv_blur(picture: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    return cv2.GaussianBlur(picture, (2 * radius + 1,) * 2, sigma, borderType=cv2.BORDER_REFLECT_101)


def test_gaussian_blur_is_opencv_s() -> None:
    ours = arrays(filters.gaussian_blur(PICTURES, SIGMAS, 5))
    for picture, sigma, blurred in zip(arrays(PICTURES), SIGMAS.tolist(), ours, strict=True):
        np.testing.assert_allclose(blurred, opencv_blur(picture, sigma, 5), atol=1e-5)


def test_kernels_are_applied_as_opencv_does() -> None:
    kernels = filters.directed_kernels(torch.tensor([1.8, 0.5]), torch.tensor([0.4, 0.5]), torch.tensor([0.6, 0.0]), 3)
    torch.testing.assert_close(kernels.sum((1, 2)), torch.ones(2))
    for picture, kernel, ours in zip(
        arrays(PICTURES), kernels.numpy(), arrays(filters.apply_kernels(PICTURES, kernels)), strict=True
    ):
        expected = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_stroke_points_where_its_angle_says() -> None:
    flat, steep = filters.directed_kernels(torch.full((2,), 2.0), torch.full((2,), 0.4), torch.tensor([0, 1.5708]), 3)
    assert flat[3, 6] > 10 * flat[6, 3]
    torch.testing.assert_close(steep, flat.T, atol=1e-4, rtol=0)


def test_sharpening_is_an_unsharp_mask_of_luma() -> None:
    amount = torch.tensor([0.5, 1.5])
    ours = arrays(filters.sharpen(PICTURES, amount, SIGMAS, 5))
    for picture, weight, sigma, sharp in zip(arrays(PICTURES), amount.tolist(), SIGMAS.tolist(), ours, strict=True):
        plane = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        mask = cv2.addWeighted(plane, weight, opencv_blur(plane, sigma, 5), -weight, 0)
        np.testing.assert_allclose(sharp, np.clip(picture + mask[..., None], 0, 1), atol=1e-5)


def test_blurred_chroma_leaves_luma_as_it_was() -> None:
    blurred = filters.blur_chroma(PICTURES, SIGMAS, 5)
    torch.testing.assert_close(filters.luma(blurred), filters.luma(PICTURES), atol=1e-5, rtol=0)
    for picture, sigma, ours in zip(arrays(PICTURES), SIGMAS.tolist(), arrays(blurred), strict=True):
        plane = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
        np.testing.assert_allclose(ours, plane + opencv_blur(picture - plane, sigma, 5), atol=1e-5)


def test_enlarged_samples_are_those_of_the_package() -> None:
    for picture, ours in zip(arrays(PICTURES), arrays(filters.enlarge_samples(PICTURES)), strict=True):
        np.testing.assert_allclose(ours, enlarge_samples(picture, 4), atol=2e-4)


def test_the_spread_that_a_blur_leaves_of_noise() -> None:
    noise = torch.randn(2, 1, 300, 300, generator=torch.Generator().manual_seed(0))
    blurred = filters.gaussian_blur(noise, SIGMAS, 5)
    torch.testing.assert_close(blurred.std((1, 2, 3)), filters.spread_of_blur(SIGMAS, 5), rtol=0.03, atol=0)


@pytest.mark.parametrize("sides", [(1, 1), (3, 2), (8, 8), (40, 9)])
def test_small_pictures_are_mirrored_as_often_as_needed(sides: tuple[int, int]) -> None:
    picture = torch.rand(2, 3, *sides)
    expected = np.pad(picture.numpy(), ((0, 0), (0, 0), (8, 8), (8, 8)), "reflect")
    assert np.array_equal(filters.pad_mirrored(picture, 8).numpy(), expected)
