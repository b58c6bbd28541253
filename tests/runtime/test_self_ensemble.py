"""The mean of the results for all flips and turns of a picture."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from srdgan_rt.runtime import Upscaler


def orientations(image: np.ndarray) -> list[np.ndarray]:
    """``(H, W, C)`` turned by 0 to 3 quarters, each also mirrored."""
    return [np.rot90(mirrored, quarters) for mirrored in (image, image[:, ::-1]) for quarters in range(4)]


@pytest.fixture
def image() -> np.ndarray:
    """Of little contrast, so that no result is clipped."""
    return 0.45 + 0.1 * np.random.default_rng(0).random((13, 18, 3), np.float32)


def test_is_the_mean_over_all_orientations(random_net, image):
    plain, better = (Upscaler(random_net, engine="torch", tta=tta) for tta in (False, True))
    results = [plain.upscale(np.ascontiguousarray(turned)) for turned in orientations(image)]
    back = [np.rot90(result, -quarters) for quarters, result in zip([0, 1, 2, 3] * 2, results, strict=True)]
    back = [*back[:4], *(result[:, ::-1] for result in back[4:])]
    expected = np.mean(back, 0)
    assert 0 < expected.min() < expected.max() < 1
    np.testing.assert_allclose(better.upscale(image), expected, atol=2e-6)
    assert np.abs(plain.upscale(image) - expected).max() > 1e-4  # the orientations do differ


@pytest.mark.parametrize("engine", ["torch", "native", "onnxruntime"])
def test_a_turned_picture_gives_the_turned_result(random_net, image, engine):
    up = Upscaler(random_net, engine=engine, tta=True)
    straight = up.upscale(image)
    for turned, expected in zip(orientations(image), orientations(straight), strict=True):
        np.testing.assert_allclose(up.upscale(np.ascontiguousarray(turned)), expected, atol=1e-5)


@pytest.mark.isa
def test_engines_agree(random_net, image):
    native, torch_ = (
        Upscaler(random_net, engine=engine, precision="fp32", tta=True).upscale(image) for engine in ("native", "torch")
    )
    np.testing.assert_allclose(native, torch_, atol=1e-4)


def test_tiles_regions_and_factors(random_net, image):
    up = Upscaler(random_net, engine="torch", halo=20, border_padding=3, tta=True)
    tiled = Upscaler(random_net, engine="torch", halo=20, border_padding=3, tile=7, tta=True)
    whole = up.upscale(image, outscale=2.5)
    np.testing.assert_allclose(tiled.upscale(image, outscale=2.5), whole, atol=3e-6)
    crop = tiled.upscale(image, roi=(4, 2, 8, 6), outscale=2.5)
    np.testing.assert_allclose(crop, whole[5:20, 10:30], atol=3e-6)


def test_tensors_and_runs_are_as_pictures(random_net, image):
    up = Upscaler(random_net, engine="torch", tta=True)
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    result: Tensor = up(x)
    np.testing.assert_allclose(result[0].permute(1, 2, 0), up.upscale(image), atol=1e-6)
    again = pickle.loads(pickle.dumps(up))
    np.testing.assert_array_equal(again.upscale(image), up.upscale(image))


def test_tables_name_it():
    assert Upscaler("srdgan-x4-fast", tta=True).name == "srdgan-x4-fast, tta"
    assert Upscaler("srdgan-x4-fast").name == "srdgan-x4-fast"
