"""Histograms of the channels of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from srdgan_rt.pixels import Pixels, white_level

NUM_BINS = 256
_CHANNELS = {1: ("grey",), 2: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue")}


@dataclass(frozen=True)
class Histogram:
    """Distribution of one channel.

    Attributes:
        channel: "grey", "red", "green" or "blue".
        counts: pixels in each of :data:`NUM_BINS` equal steps from black to white.
        mean: mean value, 0 (black) to 1 (white).
        black: share of the pixels that are black, 0 to 1.
        white: share of the pixels at the largest value, 0 to 1.
    """

    channel: str
    counts: tuple[int, ...]
    mean: float
    black: float
    white: float


def measure_histograms(pixels: Pixels) -> list[Histogram]:
    """Measures each channel but alpha.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)``; uint8, uint16, or float32 in [0, 1].
    """
    planes = pixels.reshape(*pixels.shape[:2], -1)
    names = _CHANNELS[planes.shape[2]]
    return [_measure_plane(name, planes[..., index]) for index, name in enumerate(names)]


def _measure_plane(name: str, plane: Pixels) -> Histogram:
    if plane.dtype.kind == "f":
        white, values = 1.0, np.nan_to_num(plane)
        bins = np.clip(values * NUM_BINS, 0, NUM_BINS - 1).astype(np.uint8)
    else:
        white, values = float(white_level(plane.dtype)), plane
        bins = (plane >> (8 * plane.itemsize - 8)).astype(np.uint8)
    counts = np.bincount(bins.reshape(-1), minlength=NUM_BINS)
    return Histogram(
        name,
        tuple(counts.tolist()),
        float(values.mean(dtype=np.float64)) / white,
        float(np.mean(values <= 0)),
        float(np.mean(values >= white)),
    )
