from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.models.h2l import H2LNet
from training.data.pictures import read_phone_pairs
from training.stages.noise_report import NoiseReport


class OneLevel:
    """Every frame is as noisy as another."""

    def __init__(self, level: float) -> None:
        self._level = level

    def levels(self, noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        return torch.full((len(noisy),), self._level)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames with white noise of standard deviation 0.05, as a fresh net makes it."""
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(60, 190, 96)[None, :, None], (96, 96, 3))
    for index in range(2):
        for kind, image in (("clean", ramp), ("noisy", ramp + rng.normal(0, 0.05 * 255, ramp.shape))):
            cv2.imwrite(str(folder / f"{index}_{kind}.png"), np.rint(image).astype(np.uint8))
    return folder


def test_a_fresh_net_has_the_noise_of_frames_with_that_noise(held_out: Path) -> None:
    figures = NoiseReport(read_phone_pairs(held_out), OneLevel(0.05)).measure(H2LNet(num_blocks=1, num_features=8))
    assert figures["noise_variance_error"] < 0.05
    assert np.ptp(figures["noise_sd"], axis=1).max() < 0.5
    np.testing.assert_allclose(figures["noise_lag1"], 0, atol=0.02)
    np.testing.assert_allclose(figures["noise_channels"], 0, atol=0.03)
    assert figures["colour_shift"] < 0.5
    assert figures["noise_akld"] < 0.01
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_twice_the_noise_is_seen(held_out: Path) -> None:
    figures = NoiseReport(read_phone_pairs(held_out), OneLevel(0.1)).measure(H2LNet(num_blocks=1, num_features=8))
    assert figures["noise_variance_error"] == pytest.approx(3, abs=0.25)
    # Of N(0, 4 v) from N(0, v): log 2 - 1/2 + 1/8.
    assert figures["noise_akld"] == pytest.approx(0.318, abs=0.02)


def test_no_noise_is_no_number(held_out: Path) -> None:
    figures = NoiseReport(read_phone_pairs(held_out), OneLevel(0.0)).measure(H2LNet(num_blocks=1, num_features=8))
    assert figures["noise_variance_error"] == pytest.approx(1, abs=0.01)
    json.dumps(figures, allow_nan=False)
