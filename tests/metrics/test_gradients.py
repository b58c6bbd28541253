"""Gradient statistics."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srdgan_rt.metrics import gradient_distance, gradient_ratio
from srdgan_rt.metrics.gradients import gradient_magnitudes


def make_picture(seed: int = 0, shape: tuple[int, ...] = (40, 36)) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0, 255, shape)


def test_the_gradient_of_a_slope_is_its_length() -> None:
    y, x = np.mgrid[:5, :7]
    magnitudes = gradient_magnitudes(3.0 * x + 4.0 * y)
    assert magnitudes.shape == (4, 6)
    np.testing.assert_allclose(magnitudes, 5)


@pytest.mark.parametrize("shape", [(40, 36), (40, 36, 3)])
def test_equal_pictures(shape: tuple[int, ...]) -> None:
    picture = make_picture(shape=shape)
    assert gradient_ratio(picture, picture) == 1
    assert gradient_distance(picture, picture) == 0


def test_flat_pictures() -> None:
    flat = np.full((9, 9), 50.0)
    assert gradient_ratio(flat, flat + 3) == 1
    assert gradient_ratio(flat, make_picture(shape=(9, 9))) == 0
    assert gradient_ratio(make_picture(shape=(9, 9)), flat) == math.inf


def test_blur_lowers_the_ratio_and_raises_the_distance() -> None:
    picture = make_picture(shape=(64, 64, 3))
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 1.0, 2.0)]
    ratios = [gradient_ratio(one, picture) for one in (picture, *blurred)]
    distances = [gradient_distance(one, picture) for one in (picture, *blurred)]
    assert ratios == sorted(ratios, reverse=True)
    assert len(set(ratios)) == 4
    assert distances == sorted(distances)


def test_the_distance_sees_what_the_ratio_does_not() -> None:
    edges = np.zeros((33, 33))
    edges[:, 16:] = 255
    noise = make_picture(shape=(33, 33))
    noise *= gradient_magnitudes(edges).mean() / gradient_magnitudes(noise).mean()
    assert gradient_ratio(noise, edges) == pytest.approx(1)
    assert gradient_distance(noise, edges) > 5


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 9))
def test_the_distance_is_the_area_between_the_cumulative_histograms(seed: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    pictures = [random.integers(0, 9, (height, width)) for _ in range(2)]
    ours, theirs = (gradient_magnitudes(picture).ravel() for picture in pictures)
    levels = np.unique(np.concatenate([ours, theirs]))
    shares = [(values[:, None] <= levels[:-1]).mean(0) for values in (ours, theirs)]
    area = float((np.abs(shares[0] - shares[1]) * np.diff(levels)).sum())
    assert gradient_distance(*pictures) == pytest.approx(area)
