"""The scores of weak spots: what a perfect method gets, and the shipped models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.weak_spots import score_flats, score_mesh, score_noisy_means, score_patterns
from srdgan_rt.runtime import open_upscaler


def repeat_pixels(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return picture.repeat(4, 0).repeat(4, 1)


@pytest.mark.parametrize("score", [score_patterns, score_flats])
def test_repeated_pixels_shift_no_mean(score):
    assert set(score(repeat_pixels).values()) == {0.0}


def test_repeated_pixels_have_no_mesh():
    assert all(value < 0.01 or np.isnan(value) for value in score_mesh(repeat_pixels).values())


def test_a_sensor_noise_darkens_its_picture():
    scores = score_noisy_means(repeat_pixels)
    for strength, shift in ((10, 1.2), (25, 5.7)):  # at level 60, for which Taylor's second term gives 1.1 and 6.9
        name = f"mean of flats, sensor noise of {strength}"
        assert scores[f"{name}: input (1/255)"] == scores[f"{name}: result (1/255)"] == pytest.approx(shift, abs=0.1)


@pytest.mark.parametrize(("name", "left"), [("srdgan-x4-fast", 0.5), ("srdgan-x4-photo", 0.8)])
def test_shipped_models_make_up_for_it(name, left):
    scores = score_noisy_means(open_upscaler(name, engine="native", precision="fp32").upscale)
    for strength in (10, 25):
        row = f"mean of flats, sensor noise of {strength}"
        assert scores[f"{row}: result (1/255)"] < left * scores[f"{row}: input (1/255)"]
