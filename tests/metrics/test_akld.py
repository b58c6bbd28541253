"""The divergence of histograms against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from srdgan_rt.metrics import akld, count_levels


def count(*noise: int) -> np.ndarray:
    """Histogram of one channel over a clean value of 100."""
    clean = np.full((len(noise), 1), 100)
    return count_levels((clean + np.array(noise)[:, None]) / 255, clean / 255)


def test_levels_are_counted_where_they_belong() -> None:
    counts = count(-100, 0, 0, 155)
    assert counts.shape == (1, 1, 511)
    assert {int(level): int(counts[0, 0, level]) for level in np.flatnonzero(counts)} == {155: 1, 255: 2, 410: 1}


def test_two_known_histograms() -> None:
    # Three at 0 and one at 1, against one and three; half a count more each: 0.7 and 0.3 against 0.3 and 0.7.
    assert akld(count(0, 0, 0, 1), count(0, 1, 1, 1)) == pytest.approx(0.4 * math.log(7 / 3))


def test_a_level_that_one_lacks_has_half_a_count_there() -> None:
    # 4.5 and 0.5 of 5 against 2.5 and 2.5.
    expected = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert akld(count(0, 0, 0, 0), count(0, 0, 1, 1)) == pytest.approx(expected)


def test_equal_noise_has_none_and_channels_are_averaged() -> None:
    clean = np.full((4, 2), 100 / 255)
    real = clean + np.array([[0, 0], [0, 0], [0, 0], [1, 1]]) / 255
    generated = clean + np.array([[0, 0], [0, 1], [0, 1], [1, 1]]) / 255
    assert akld(count_levels(real, clean), count_levels(real, clean)) == 0
    assert akld(count_levels(real, clean), count_levels(generated, clean)) == pytest.approx(0.2 * math.log(7 / 3))


def test_noise_at_the_wrong_brightness_is_seen_by_intensity_alone() -> None:
    clean = np.repeat([0.2, 0.8], 1000)[:, None]
    noise = np.tile([-20 / 255, 20 / 255], 500)[:, None]
    dark, bright = (clean + np.concatenate(halves) for halves in ((noise, 0 * noise), (0 * noise, noise)))
    assert akld(count_levels(dark, clean), count_levels(bright, clean)) == pytest.approx(0)
    assert akld(*(count_levels(noisy, clean, num_bins=2) for noisy in (dark, bright))) > 1


def test_no_samples_are_no_number() -> None:
    assert math.isnan(akld(np.zeros((1, 3, 511), np.int64), np.zeros((1, 3, 511), np.int64)))
