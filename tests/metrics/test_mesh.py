"""The mesh on flat areas."""

from __future__ import annotations

import numpy as np
import pytest

from srdgan_rt.metrics.mesh import measure_mesh


def make_slope(height: int = 128, width: int = 128) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return 60 + 0.05 * y + 0.1 * x


def test_a_slope_has_no_mesh() -> None:
    assert measure_mesh(make_slope(), 4) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("channels", [0, 3])
def test_a_mesh_is_found_whatever_slope_and_noise_it_lies_on(channels: int) -> None:
    mesh = np.zeros((4, 4))
    mesh[1, 2], mesh[3, 0] = 1.5, -0.5
    result = make_slope() + np.tile(mesh, (32, 32)) + np.random.default_rng(0).normal(0, 0.5, (128, 128))
    if channels:
        result = np.stack([make_slope(), result, make_slope()], -1)
    assert measure_mesh(result, 4) == pytest.approx(2, abs=0.3)


def test_busy_pictures_have_no_flat_window() -> None:
    assert measure_mesh(np.random.default_rng(0).integers(0, 256, (128, 128, 3)), 4) is None


def test_pictures_smaller_than_a_window_have_none() -> None:
    assert measure_mesh(np.zeros((63, 200)), 4) is None
