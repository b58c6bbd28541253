"""The evaluation protocol: how the input is made, which border is cropped, and which channel is scored."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.metrics.luma import luma
from srdgan_rt.metrics.measure import Measure, ScoredPair
from srdgan_rt.metrics.similarity import psnr, ssim

SCALE = 4
"""Enlargement that is scored, as in Table 2 of the paper."""

PHASE = SCALE // 2
"""Offset of the point sample in each block, the middle rounded up; see ``resample.shift_half_pixel``."""


class Channel(str, enum.Enum):
    """The channels of colour pictures that are scored; grey pictures have one channel."""

    Y = "y"
    RGB = "rgb"


@dataclass(frozen=True)
class Protocol:
    """The rules for one kind of data set."""

    border: int
    """Pixels of the result that are cropped on each side before it is scored."""
    rounds_luma: bool
    """Y of both result and reference is rounded to 8 bits."""
    low_resolution: str
    """How the input is made, for the head of a table."""
    averages: bool = False
    """The block means of the result are scored, because the clean picture is known at the size of the input alone."""

    def describe(self, channel: Channel) -> str:
        """One line for the head of a table: channel, border and input."""
        bits = "8 bits" if self.rounds_luma else "not rounded"
        scored = f"Y of BT.601 (16..235, {bits})" if channel is Channel.Y else "RGB"
        return f"{scored}, border of {self.border} px cropped, x{SCALE}, {self.low_resolution}"


# MATLAB's rgb2ycbcr of an 8-bit picture is an 8-bit picture. The published tables for Set5 and Set14 were made with
# it and cannot be reproduced without the rounding: bicubic would gain 0.013 dB and 0.0011 on Set5.
BENCHMARK = Protocol(border=4, rounds_luma=True, low_resolution="LR by MATLAB's bicubic")

# The reference is interpolated and lies between 8-bit values, so neither it nor Y is rounded.
REAL_NOISE = Protocol(
    border=8, rounds_luma=False, low_resolution="LR = noisy[4i+2], reference = clean shifted by half a pixel"
)

# The whole noisy photograph is enlarged. There is no ground truth at four times its size, but there is one at its size.
FULL_RESOLUTION = Protocol(
    border=8, rounds_luma=False, low_resolution="LR = noisy, each 4x4 block's mean scored against clean", averages=True
)


@dataclass(frozen=True)
class Score:
    """Scores of one result, or the mean of several."""

    psnr: float
    """Decibels."""
    ssim: float
    """At most 1."""
    measured: Mapping[str, float | None] = field(default_factory=dict)
    """Value of each :class:`~srdgan_rt.metrics.measure.Measure` by its name; None where a picture has none."""


def score_result(
    result: NDArray[np.uint8],
    reference: NDArray[np.float64],
    protocol: Protocol,
    channel: Channel,
    measures: Sequence[Measure] = (),
) -> Score:
    """Scores one enlarged picture.

    Args:
        result: ``(H, W, 3)`` RGB or ``(H, W)`` grey, 8 bits.
        reference: same shape, values in 0..255, not rounded; the shape of the input where the protocol averages blocks.
        protocol: border, rounding and averaging.
        channel: Y or all of RGB; without effect on grey pictures.
        measures: what else to measure.

    Returns:
        PSNR and SSIM without the border, and the value of each measure.

    Raises:
        InputError: the result does not have 8 bits or the right shape, or the picture is too small.
    """
    if result.dtype != np.uint8:
        raise InputError(f"results are scored at 8 bits, got {result.dtype}")
    scored = average_blocks(result) if protocol.averages else result
    if scored.shape != reference.shape:
        raise InputError(f"the result must have the reference's shape {reference.shape}, got {scored.shape}")
    inner = slice(protocol.border, -protocol.border)
    pictures = scored[inner, inner], reference[inner, inner]
    ours, theirs = (_select_channel(picture, protocol, channel) for picture in pictures)
    pair = ScoredPair(result, pictures, (ours, theirs))
    return Score(psnr(ours, theirs), ssim(ours, theirs), {one.name: one.measure(pair) for one in measures})


def average_blocks(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of each SCALE x SCALE block: ``(4H, 4W[, 3])`` to ``(H, W[, 3])``."""
    height, width = (side // SCALE for side in picture.shape[:2])
    blocks = picture[: height * SCALE, : width * SCALE].reshape(height, SCALE, width, SCALE, *picture.shape[2:])
    return np.asarray(blocks.mean((1, 3), dtype=np.float64))


def mean_score(scores: Iterable[Score], measures: Sequence[Measure] = ()) -> Score | None:
    """Mean of the scores, each picture with the same weight; None without scores.

    Args:
        scores: one for each picture.
        measures: what the scores have measured; each says how its values are summarised.

    Returns:
        The mean. A measure that has no value on any picture is None.
    """
    scores = list(scores)
    if not scores:
        return None
    measured: dict[str, float | None] = {}
    for measure in measures:
        values = [value for score in scores if (value := score.measured[measure.name]) is not None]
        measured[measure.name] = measure.summarise(values) if values else None
    return Score(fmean(score.psnr for score in scores), fmean(score.ssim for score in scores), measured)


def _select_channel(picture: NDArray[Any], protocol: Protocol, channel: Channel) -> NDArray[Any]:
    if picture.ndim == 3 and channel is Channel.Y:
        return luma(picture, rounded=protocol.rounds_luma)
    return picture
