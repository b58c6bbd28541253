"""The evaluation protocol: how the input is made, what is cropped, and which channel is scored."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.metrics.luma import luma
from srdgan_rt.metrics.mesh import measure_mesh
from srdgan_rt.metrics.similarity import psnr, ssim

SCALE = 4
"""Enlargement that is scored, as in Table 2 of the paper."""

PHASE = SCALE // 2
"""Where point sampling samples: the middle of each block, rounded up; see ``resample.shift_half_pixel``."""


class Channel(str, enum.Enum):
    """What is scored of a colour picture; a grey one is always scored as it is."""

    Y = "y"
    RGB = "rgb"


@dataclass(frozen=True)
class Protocol:
    """The rules for one kind of data set."""

    border: int
    """Pixels of the result that are cropped on each side before it is scored."""
    rounds_luma: bool
    """Y is rounded to 8 bits, on both sides."""
    low_resolution: str
    """How the input is made, for the head of a table."""
    averages: bool = False
    """The mean of each block of the result is scored, for only the input's own size is known without noise."""

    def describe(self, channel: Channel) -> str:
        """One line for the head of a table: channel, border and input."""
        bits = "8 bits" if self.rounds_luma else "not rounded"
        scored = f"Y of BT.601 (16..235, {bits})" if channel is Channel.Y else "RGB"
        return f"{scored}, border of {self.border} px cropped, x{SCALE}, {self.low_resolution}"


# MATLAB's rgb2ycbcr of an 8-bit picture is an 8-bit picture. The published tables for Set5 and Set14 were made with
# it, and they are only met so: without the rounding bicubic gains 0.013 dB and 0.0011 on Set5.
BENCHMARK = Protocol(border=4, rounds_luma=True, low_resolution="LR by MATLAB's bicubic")

# The reference lies between 8-bit values on purpose, so nothing but the result's own 8 bits is rounded.
REAL_NOISE = Protocol(
    border=8, rounds_luma=False, low_resolution="LR = noisy[4i+2], reference = clean shifted by half a pixel"
)

# A whole photograph enlarged: what it shows at four times its size no one knows, but what its noise was is known.
FULL_RESOLUTION = Protocol(
    border=8, rounds_luma=False, low_resolution="LR = noisy, each 4x4 block's mean scored against clean", averages=True
)


@dataclass(frozen=True)
class Score:
    """Likeness of one result, or the mean of several."""

    psnr: float
    """Decibels."""
    ssim: float
    """At most 1."""
    mesh: float | None = None
    """:func:`~srdgan_rt.metrics.mesh.measure_mesh` of the result; of several results the largest."""


def score_result(
    result: NDArray[np.uint8],
    reference: NDArray[np.float64],
    protocol: Protocol,
    channel: Channel,
    *,
    mesh: bool = False,
) -> Score:
    """Scores one enlarged picture.

    Args:
        result: ``(H, W, 3)`` RGB or ``(H, W)`` grey, 8 bits.
        reference: same shape, values in 0..255, not necessarily whole; where the protocol averages, that of the input.
        protocol: border, rounding and averaging.
        channel: Y or all of RGB; without effect on grey pictures.
        mesh: measure the mesh, too.

    Returns:
        PSNR and SSIM of what is left within the border; and the mesh.

    Raises:
        InputError: the result is not of 8 bits or of another shape than it should be, or the picture is too small.
    """
    if result.dtype != np.uint8:
        raise InputError(f"results are scored at 8 bits, got {result.dtype}")
    scored = average_blocks(result) if protocol.averages else result
    if scored.shape != reference.shape:
        raise InputError(f"the result must have the reference's shape {reference.shape}, got {scored.shape}")
    border = protocol.border
    planes = [
        _select_channel(picture[border:-border, border:-border], protocol, channel) for picture in (scored, reference)
    ]
    return Score(psnr(*planes), ssim(*planes), measure_mesh(result, SCALE) if mesh else None)


def average_blocks(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of each SCALE x SCALE block: ``(4H, 4W[, 3])`` to ``(H, W[, 3])``."""
    height, width = (side // SCALE for side in picture.shape[:2])
    blocks = picture[: height * SCALE, : width * SCALE].reshape(height, SCALE, width, SCALE, *picture.shape[2:])
    return np.asarray(blocks.mean((1, 3), dtype=np.float64))


def mean_score(scores: Iterable[Score]) -> Score | None:
    """Mean of the pictures' scores, each picture counting the same, and the largest mesh; None where there is none."""
    scores = list(scores)
    if not scores:
        return None
    psnr_, ssim_ = (math.fsum(getattr(score, name) for score in scores) / len(scores) for name in ("psnr", "ssim"))
    return Score(psnr_, ssim_, max((score.mesh for score in scores if score.mesh is not None), default=None))


def _select_channel(picture: NDArray[Any], protocol: Protocol, channel: Channel) -> NDArray[Any]:
    if picture.ndim == 3 and channel is Channel.Y:
        return luma(picture, rounded=protocol.rounds_luma)
    return picture
