"""PSNR and SSIM against numbers worked by hand and against the definition, window by window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.metrics import psnr, ssim

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def gaussian() -> NDArray[np.float64]:
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    return np.asarray(weights / weights.sum(), np.float64)


def random_plane(seed: int, height: int = 14, width: int = 12) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0, 255, (height, width))


def test_psnr_of_an_error_of_one() -> None:
    assert psnr(np.full((4, 5), 9, np.uint8), np.full((4, 5), 10.0)) == pytest.approx(48.1308036)  # 20 log10(255)


def test_psnr_averages_the_squared_error() -> None:
    reference = np.zeros((2, 2))
    result = np.array([[3, 0], [0, 5]], np.uint8)  # (9 + 25) / 4 = 8.5
    assert psnr(result, reference) == pytest.approx(10 * math.log10(65025 / 8.5))


def test_psnr_does_not_wrap_around_in_8_bits() -> None:
    assert psnr(np.zeros((1, 1), np.uint8), np.full((1, 1), 255, np.uint8)) == pytest.approx(0)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert psnr(np.ones((3, 3)), np.ones((3, 3))) == math.inf


def test_psnr_peak() -> None:
    assert psnr(np.zeros((2, 2)), np.full((2, 2), 0.1), peak=1) == pytest.approx(20)


def test_ssim_of_flat_planes_is_their_luminance_term() -> None:
    expected = (2 * 50 * 80 + C1) / (50**2 + 80**2 + C1)
    assert ssim(np.full((11, 13), 50.0), np.full((11, 13), 80.0)) == pytest.approx(expected, abs=1e-12)


def test_ssim_of_an_impulse_in_a_single_window() -> None:
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 255
    weight = gaussian()[5] ** 2
    assert weight == pytest.approx(0.0707622, abs=1e-7)
    mean, variance = 255 * weight, 255**2 * (weight - weight**2)
    expected = C1 * C2 / ((mean**2 + C1) * (variance + C2))
    assert ssim(impulse, np.zeros((11, 11))) == pytest.approx(expected, rel=1e-9)


def test_ssim_is_the_mean_over_the_windows_that_lie_inside() -> None:
    x, y = random_plane(1), random_plane(2)
    window = np.outer(gaussian(), gaussian())
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                (2 * mean_a * mean_b + C1)
                * (2 * covariance + C2)
                / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
            )
    assert len(values) == 4 * 2
    assert ssim(x, y) == pytest.approx(np.mean(values), rel=1e-9)


def test_ssim_of_several_channels_is_their_mean() -> None:
    x, y = random_plane(1), random_plane(2)
    both = ssim(np.stack([x, x], -1), np.stack([x, y], -1))
    assert both == pytest.approx((1 + ssim(x, y)) / 2)


@given(st.integers(0, 1000), st.floats(0.5, 40))
def test_more_noise_scores_lower_and_order_does_not_matter(seed: int, strength: float) -> None:
    clean = random_plane(seed)
    noise = np.random.default_rng(seed + 1).normal(0, strength, clean.shape)
    assert psnr(clean + noise, clean) > psnr(clean + 2 * noise, clean)
    assert 1 > ssim(clean + noise, clean) > ssim(clean + 2 * noise, clean)
    assert ssim(clean + noise, clean) == pytest.approx(ssim(clean, clean + noise))


def test_rejects_different_shapes() -> None:
    for metric in (psnr, ssim):
        with pytest.raises(InputError, match=r"one shape, got \(12, 12\) and \(12, 13\)"):
            metric(np.zeros((12, 12)), np.zeros((12, 13)))


def test_rejects_empty_pictures() -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        psnr(np.zeros((0, 3)), np.zeros((0, 3)))


def test_rejects_pictures_smaller_than_the_window() -> None:
    with pytest.raises(InputError, match="at least 11x11 pixels, got 10x11"):
        ssim(np.zeros((11, 10)), np.zeros((11, 10)))
