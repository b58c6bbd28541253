"""PSNR and SSIM of two pictures of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.image.alpha import flatten_on_white
from srdgan_rt.metrics import SSIM_WINDOW, luma, psnr, ssim
from srdgan_rt.pixels import Pixels, white_level

_STRIP = 512  # rows that are scored at a time: SSIM needs a dozen arrays of their size


@dataclass(frozen=True)
class Score:
    """Scores of two pictures.

    Attributes:
        psnr: decibels; infinity where both are equal.
        ssim: at most 1; None for pictures that are smaller than its window.
    """

    psnr: float
    ssim: float | None


def scored_luma(pixels: Pixels) -> NDArray[np.float32]:
    """The channel that is scored: Y of BT.601, 16 to 235, not rounded; alpha is laid on white.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, or float32 in [0, 1].

    Returns:
        ``(H, W)``.
    """
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels, _ = flatten_on_white(pixels)
    colours = pixels.reshape(*pixels.shape[:2], -1)
    out = np.empty(pixels.shape[:2], np.float32)
    for top in range(0, len(out), _STRIP):
        rows = colours[top : top + _STRIP] * np.float32(255 / white_level(pixels.dtype))
        out[top : top + _STRIP] = luma(rows if rows.shape[2] == 3 else rows.repeat(3, axis=2))
    return out


def score_pair(first: NDArray[Any], second: NDArray[Any]) -> Score:
    """Scores two pictures, in either order.

    Args:
        first: from :func:`scored_luma`.
        second: likewise, of the same size.
    """
    if min(first.shape) < SSIM_WINDOW:
        return Score(psnr(first, second), None)
    num_windows = len(first) - SSIM_WINDOW + 1  # down the picture; the mean over all windows is SSIM
    total = 0.0
    for top in range(0, num_windows, _STRIP):
        num_rows = min(_STRIP, num_windows - top)
        rows = slice(top, top + num_rows + SSIM_WINDOW - 1)
        total += num_rows * ssim(first[rows], second[rows])
    return Score(psnr(first, second), total / num_windows)
