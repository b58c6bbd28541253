"""The table of the choice between models."""

from __future__ import annotations

import numpy as np

from benchmarks.model_choice import Scored, render, score_sample
from srdgan_rt.runtime import AutoUpscaler, Upscaler
from srdgan_rt.runtime.auto import PROCESSED, SENSOR


def test_a_row_has_means_and_the_largest_loss() -> None:
    scored = [Scored(30, 34, True), Scored(40, 39, True), Scored(20, 21, False)]
    assert render("kind", scored) == "| kind | 30.00 | 31.33 | 31.00 | 31.67 | 2 of 3 | 1.00 |"


def test_a_sample_of_grey_noise() -> None:
    noise = np.random.default_rng(0).normal(128, 8, (48, 48, 1)).round().astype(np.uint8).repeat(3, 2)
    models = [Upscaler(name, device="cpu") for name in (SENSOR, PROCESSED)]
    scored = score_sample(noise, np.full((192, 192, 3), 128.0), models, AutoUpscaler(device="cpu"))
    assert scored.is_processed
    assert scored.chosen == scored.processed > scored.sensor + 5
