"""Sources of noise at the variance of the real noise, and their comparison with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.metrics import CameraNoise, GaussianNoise, compare_noise, make_noise_pair, match_variance
from srdgan_rt.metrics.realism_page import render_noise_page
from srdgan_rt.metrics.realism_report import render_noise_json, render_noise_markdown, render_noise_text


def make_pictures(side: int = 96, deviation: float = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    clean = np.broadcast_to(np.linspace(60, 190, side)[None, :, None], (side, side, 3))
    noise = np.random.default_rng(seed).normal(0, deviation, clean.shape)
    return np.rint(clean).astype(np.uint8), np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


class Weak:
    """Cannot make enough noise."""

    name = "weak <source>"

    def generate(self, pair, level, seed):
        return pair.clean + min(level, 0.01) * np.random.default_rng(seed).standard_normal(pair.clean.shape)


@pytest.fixture(scope="module")
def comparison():
    def fail():
        raise InputError("no such picture")

    pairs = {
        "a|b": lambda: make_noise_pair(*make_pictures(), low_resolution=True),
        "bad": fail,
        "c": lambda: make_noise_pair(*make_pictures(seed=1), low_resolution=True),
    }
    return compare_noise("set", pairs, [GaussianNoise(), Weak()], low_resolution=True)


@pytest.mark.parametrize("source", [GaussianNoise(), CameraNoise()])
@pytest.mark.parametrize("deviation", [3, 10, 25])
def test_variance_is_matched(source, deviation) -> None:
    pair = make_noise_pair(*make_pictures(deviation=deviation), low_resolution=True)
    matched = match_variance(source, pair, seed=7)
    assert matched.reached
    assert (matched.noisy - pair.clean).var() == pytest.approx((pair.noisy - pair.clean).var(), rel=0.03)
    assert np.array_equal(matched.noisy, match_variance(source, pair, seed=7).noisy)
    assert not np.array_equal(matched.noisy, match_variance(source, pair, seed=8).noisy)
    np.testing.assert_allclose(matched.noisy * 255, np.rint(matched.noisy * 255), atol=1e-4)


def test_says_when_the_variance_cannot_be_reached(comparison) -> None:
    assert [source.num_unmatched for source in comparison.sources] == [0, 2]
    assert "weak <source> (2 not matched)" in render_noise_text([comparison])


def test_full_resolution_is_sampled_in_the_middle_of_blocks() -> None:
    clean, noisy = make_pictures(side=19)
    pair = make_noise_pair(clean, noisy)
    assert pair.high.shape == (16, 16, 3)
    np.testing.assert_array_equal(pair.clean * 255, clean[2:16:4, 2:16:4])
    np.testing.assert_array_equal(np.rint(pair.noisy * 255), noisy[2:16:4, 2:16:4])


def test_low_resolution_is_enlarged_around_its_pixels() -> None:
    pair = make_noise_pair(*make_pictures(side=9), low_resolution=True)
    assert pair.high.shape == (36, 36, 3)
    np.testing.assert_allclose(pair.high[2::4, 2::4], pair.clean, atol=1e-6)


def test_gaussian_noise_is_told_from_other_noise(comparison) -> None:
    gaussian, weak = comparison.sources
    real = comparison.real
    floor = np.mean(comparison.floors, axis=0)[0]
    assert 0 < gaussian.akld_from(real) < 2 * floor < weak.akld_from(real)
    assert gaussian.variance_error(real) < 0.1
    # Variances of about 1/255 * 2.55 and 10, and a rounding each.
    assert weak.variance_error(real) == pytest.approx(1 - (2.55**2 + 1 / 12) / (10**2 + 1 / 12), abs=0.02)
    assert np.abs(gaussian.autocorrelation).max() < 0.03
    np.testing.assert_allclose(real.variance[[2, 3, 4, 5]], 100, rtol=0.05)
    assert np.isnan(real.variance[[0, 7]]).all()
    assert gaussian.colour_shift < 0.3


def test_a_bad_picture_does_not_cost_the_others(comparison) -> None:
    assert comparison.names == ["a|b", "c"]
    assert [failure.picture for failure in comparison.failures] == ["set/bad"]


def test_tables(comparison) -> None:
    head, columns, *rows = render_noise_text([comparison]).splitlines()
    assert head == "set: 2 pictures, pairs as they are, variance matched in each, seed 0"
    assert columns.split()[:2] == ["noise", "AKLD"]
    assert [row.split()[0] for row in rows] == ["real", "real,", "Gaussian", "weak"]
    assert len({line.count("|") for line in render_noise_markdown([comparison]).splitlines()[2:]}) == 1
    described = json.loads(render_noise_json([comparison]))["data_sets"][0]
    assert described["noise"]["Gaussian"]["akld"] == pytest.approx(comparison.sources[0].akld_from(comparison.real))
    assert described["noise"]["real"]["akld"] is None
    assert len(described["noise"]["Gaussian"]["variance"]) == 8


def test_page_needs_no_other_file(comparison) -> None:
    pytest.importorskip("matplotlib")
    page = render_noise_page([comparison])
    bare = page.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert "http" not in bare
    assert "file:" not in bare
    assert bare.count("src=") == bare.count('src="data:image/png;base64,') == 2 * 4
    assert "<source>" not in page
    for title in ("variance over intensity", "spatial autocorrelation", "histogram, G"):
        assert title in page
    assert page == render_noise_page([comparison])


@pytest.mark.parametrize(
    ("clean", "noisy", "message"),
    [
        (np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8), r"RGB pictures, got shape \(8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8), "of one shape"),
        (np.zeros((7, 8, 3), np.uint8), np.zeros((7, 8, 3), np.uint8), "at least 8 pixels"),
    ],
)
def test_rejects(clean, noisy, message) -> None:
    with pytest.raises(InputError, match=message):
        make_noise_pair(clean, noisy)
