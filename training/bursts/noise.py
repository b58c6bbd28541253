"""The noise of a burst, measured on the burst itself."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

BOXES = (5, 15)
"""Sides of the squares over which frames are compared: the first sees small things, the last faint ones."""

_BINS = 16
_FEWEST = 64  # pixels: bins with fewer are not used


@dataclass(frozen=True)
class NoiseCurve:
    """Standard deviation of a frame's noise after averaging over each of ``BOXES``, over the brightness.

    Attributes:
        tables: one ``(256, C)`` for each box, indexed by the 8-bit brightness, in 1/255.
    """

    tables: tuple[Array, ...]

    def variance(self, index: int, smooth: Array) -> Array:
        """Variance of the noise at each pixel of a picture averaged over ``BOXES[index]``: ``(H, W, C)``."""
        level = np.clip(smooth, 0, 255).astype(np.uint8)
        table = self.tables[index]
        planes = [np.square(table[:, channel])[level[..., channel]] for channel in range(level.shape[-1])]
        return np.asarray(np.stack(planes, -1), np.float32)


def measure_noise_curve(patches: list[Array]) -> NoiseCurve:
    """Measures the noise from a few places of an aligned burst.

    Everything is a median, over the frames and then over the places: an object that passes through some frames, or one
    frame that differs from all others, changes nothing.

    Args:
        patches: ``(N, h, w, C)`` each, N frames of one place on one grid, 0..255.
    """
    # Of N samples the median distance from their own median is smaller than that of the distribution.
    num_frames = len(patches[0])
    to_sigma = 1.4826 * num_frames / (num_frames - 0.8)
    tables = []
    for box in BOXES:
        levels, spreads = [], []
        for patch in patches:
            smooth = np.stack([cv2.blur(frame, (box, box)) for frame in patch])
            level = np.median(smooth, 0)
            channels = level.shape[-1]
            levels.append(level.reshape(-1, channels))
            spreads.append(to_sigma * np.median(np.abs(smooth - level), 0).reshape(-1, channels))
        tables.append(_tabulate(np.concatenate(levels), np.concatenate(spreads)))
    return NoiseCurve(tuple(tables))


def _tabulate(levels: Array, spreads: Array) -> Array:
    """Medians of the spread in bins of the level, joined by straight lines: ``(P, C)`` twice to ``(256, C)``."""
    table = np.empty((256, levels.shape[1]), np.float32)
    for channel in range(levels.shape[1]):
        level, spread = levels[:, channel], spreads[:, channel]
        bins = np.clip(level * _BINS / 256, 0, _BINS - 1).astype(np.int64)
        filled = [b for b in range(_BINS) if np.count_nonzero(bins == b) >= min(_FEWEST, len(bins))]
        if not filled:
            filled = [int(np.bincount(bins).argmax())]
        centres = [float(np.median(level[bins == b])) for b in filled]
        values = [float(np.median(spread[bins == b])) for b in filled]
        table[:, channel] = np.interp(np.arange(256), centres, values)
    # Files of whole numbers differ at least by their rounding, even where black or white is clipped.
    return np.maximum(table, 12**-0.5 / 5)
