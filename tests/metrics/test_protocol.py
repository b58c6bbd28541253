"""What is scored: border, channel, rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.metrics import (
    BENCHMARK,
    FULL_RESOLUTION,
    REAL_NOISE,
    Channel,
    Protocol,
    Score,
    luma,
    mean_score,
    psnr,
    score_result,
)


def make_picture(seed: int = 0, shape: tuple[int, ...] = (40, 36, 3)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("protocol", [BENCHMARK, REAL_NOISE])
def test_the_border_does_not_count_and_the_next_pixel_does(protocol: Protocol) -> None:
    reference = make_picture()
    result = reference.copy()
    border = protocol.border
    result[:border] ^= 255
    result[-border:] ^= 255
    result[:, :border] ^= 255
    result[:, -border:] ^= 255
    assert score_result(result, reference.astype(np.float64), protocol, Channel.Y) == Score(math.inf, pytest.approx(1))
    result[border, border] ^= 255
    assert math.isfinite(score_result(result, reference.astype(np.float64), protocol, Channel.Y).psnr)


def test_borders_of_the_two_protocols() -> None:
    assert (BENCHMARK.border, REAL_NOISE.border) == (4, 8)


def test_benchmarks_round_luma_and_real_noise_does_not() -> None:
    result, reference = make_picture(1), make_picture(2).astype(np.float64)
    inner = (slice(8, -8), slice(8, -8))
    unrounded = psnr(luma(result)[inner], luma(reference)[inner])
    assert score_result(result, reference, REAL_NOISE, Channel.Y).psnr == pytest.approx(unrounded, abs=1e-12)
    inner = (slice(4, -4), slice(4, -4))
    rounded = psnr(np.rint(luma(result))[inner], np.rint(luma(reference))[inner])
    assert score_result(result, reference, BENCHMARK, Channel.Y).psnr == pytest.approx(rounded, abs=1e-12)


def test_at_full_resolution_blocks_count_by_their_mean() -> None:
    reference = make_picture().astype(np.float64)
    result = reference.repeat(4, 0).repeat(4, 1)
    result[::4, ::4] = np.minimum(result[::4, ::4] + 16, 255)  # one pixel of each block: the mean rises by one
    score = score_result(result.astype(np.uint8), reference, FULL_RESOLUTION, Channel.RGB)
    error = np.minimum(reference + 16, 255) - reference
    inner = error[8:-8, 8:-8] / 16
    assert score.psnr == pytest.approx(10 * math.log10(255**2 / np.mean(inner**2)))


def test_at_full_resolution_a_result_must_be_four_times_as_large() -> None:
    with pytest.raises(InputError, match=r"reference's shape \(40, 36, 3\), got \(10, 9, 3\)"):
        score_result(make_picture(), make_picture().astype(np.float64), FULL_RESOLUTION, Channel.Y)


def test_grey_pictures_are_scored_as_they_are() -> None:
    reference = np.full((30, 30), 100.0)
    result = np.full((30, 30), 101, np.uint8)  # one level of grey is 0.86 of a level of Y
    for channel in Channel:
        assert score_result(result, reference, BENCHMARK, channel).psnr == pytest.approx(48.1308, abs=1e-4)


def test_rgb_counts_all_channels() -> None:
    reference = np.full((30, 30, 3), 100.0)
    result = np.full((30, 30, 3), 100, np.uint8)
    result[..., 0] = 103  # mean squared error 3
    score = score_result(result, reference, BENCHMARK, Channel.RGB)
    assert score.psnr == pytest.approx(10 * math.log10(65025 / 3))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros((40, 40, 3)), "scored at 8 bits, got float64"),
        (np.zeros((20, 20, 3), np.uint8), r"reference's shape \(40, 40, 3\), got \(20, 20, 3\)"),
        (np.zeros((40, 40), np.uint8), r"reference's shape \(40, 40, 3\), got \(40, 40\)"),
    ],
)
def test_rejects_results_that_do_not_fit(result: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_result(result, np.zeros((40, 40, 3)), BENCHMARK, Channel.Y)


@pytest.mark.parametrize("side", [8, 16, 20])
def test_rejects_pictures_of_which_too_little_is_left(side: int) -> None:
    with pytest.raises(InputError, match=r"nothing to compare|at least 11x11"):
        score_result(np.zeros((side, side), np.uint8), np.zeros((side, side)), REAL_NOISE, Channel.Y)


def test_means() -> None:
    assert mean_score([]) is None
    assert mean_score([Score(20, 0.5), Score(31, 0.75)]) == Score(25.5, 0.625)


def test_the_head_of_a_table_names_channel_border_and_input() -> None:
    assert BENCHMARK.describe(Channel.Y) == (
        "Y of BT.601 (16..235, 8 bits), border of 4 px cropped, x4, LR by MATLAB's bicubic"
    )
    assert REAL_NOISE.describe(Channel.RGB).startswith("RGB, border of 8 px cropped, x4, LR = noisy[4i+2]")
