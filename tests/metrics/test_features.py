"""The distance of VGG16's features."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.metrics import FeatureDistance
from srdgan_rt.metrics.features import LAYERS
from srdgan_rt.models.vgg import list_convolutions

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def distance(vgg16: Path) -> FeatureDistance:
    return FeatureDistance(vgg16)


def make_picture(seed: int = 0, shape: tuple[int, ...] = (32, 48, 3)) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_equal_pictures_have_none(distance: FeatureDistance) -> None:
    assert distance(make_picture(), make_picture().astype(np.float64)) == 0


def test_it_rises_with_blur(distance: FeatureDistance) -> None:
    picture = make_picture()
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 1.0, 2.0)]
    distances = [distance(one, picture) for one in (picture, *blurred)]
    assert distances == sorted(distances)
    assert 0 < distances[1] < distances[-1] < 2


def test_grey_counts_as_grey_rgb(distance: FeatureDistance) -> None:
    pictures = make_picture(1, (24, 24)), make_picture(2, (24, 24))
    assert distance(*pictures) == pytest.approx(distance(*(np.stack([one] * 3, -1) for one in pictures)))


def test_another_reference_is_noticed(distance: FeatureDistance) -> None:
    first = distance(make_picture(0), make_picture(1))
    assert distance(make_picture(0), make_picture(0)) == 0
    assert distance(make_picture(0), make_picture(1)) == first


def test_against_plain_numpy(distance: FeatureDistance, vgg16: Path) -> None:
    weights = np.load(vgg16)
    pictures = make_picture(3, (18, 16, 3)), make_picture(4, (18, 16, 3))

    def extract(picture: Picture) -> list[NDArray[np.float64]]:
        x = picture[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68]  # blue first
        features = []
        for name in list_convolutions("vgg16"):
            if name.endswith("_1") and name != "conv1_1":
                height, width = (side // 2 for side in x.shape[:2])
                x = x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).max((1, 3))
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))  # (H, W, C, 3, 3)
            kernel, bias = (weights[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
            x = np.maximum(np.einsum("hwcyx,ocyx->hwo", windows, kernel) + bias, 0)
            if name in LAYERS:
                features.append(x / np.maximum(np.sqrt((x * x).sum(-1, keepdims=True)), 1e-10))
        return features

    layers = zip(*map(extract, pictures), strict=True)
    expected = np.mean([((ours - theirs) ** 2).sum(-1).mean() for ours, theirs in layers])
    assert expected > 1e-3
    assert distance(*pictures) == pytest.approx(expected, rel=1e-4)


def test_pictures_must_fit(distance: FeatureDistance) -> None:
    with pytest.raises(InputError, match="at least 16x16 pixels, got 15x20"):
        distance(make_picture(0, (20, 15, 3)), make_picture(1, (20, 15, 3)))
    with pytest.raises(InputError, match="must be of one shape"):
        distance(make_picture(0, (20, 16, 3)), make_picture(1, (20, 16)))


def test_a_photograph_and_the_real_net(shared_data: Path) -> None:
    weights = shared_data.parent / "weights" / "vgg16_conv_fp16.npz"
    if not weights.is_file():
        pytest.skip("the VGG16 weights are not there: ../shared/weights")
    distance = FeatureDistance(weights)
    photograph = cv2.imread(str(shared_data / "Set5" / "LRx4" / "bird.png"), cv2.IMREAD_COLOR_RGB)
    distances = [distance(cv2.GaussianBlur(photograph, (0, 0), sigma), photograph) for sigma in (0.4, 0.8, 1.6)]
    assert distance(photograph, photograph) == 0
    assert distances == sorted(distances)
    assert 0.01 < distances[-1] < 1
