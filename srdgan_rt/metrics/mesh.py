"""Measures the mesh: a grid pattern (checkerboard artefact) with the period of the low-resolution pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.metrics.measure import Measure
from srdgan_rt.metrics.protocol import SCALE

_WINDOW = 64  # pixels a side of the enlarged picture
_FLAT = 1.5  # 1/255: a window is flat if the standard deviation of its block means from a plane is at most this


def measure_mesh(result: NDArray[Any], scale: int) -> float | None:
    """Measures the grid pattern on the flat areas of an enlarged picture.

    The picture is divided into windows of 64x64 pixels. Where the block means of a window lie on a plane, that plane is
    subtracted. The rest is averaged over all pixels with the same position inside their block. Without a grid pattern
    these ``scale ** 2`` means are equal.

    Args:
        result: ``(H, W, 3)`` or ``(H, W)``, 0..255.
        scale: enlargement factor; a divisor of 64.

    Returns:
        Largest minus smallest of these means, in 1/255; the maximum over all windows and channels.
        None where no window is flat.
    """
    largest: float | None = None
    for top in range(0, result.shape[0] - _WINDOW + 1, _WINDOW):
        for left in range(0, result.shape[1] - _WINDOW + 1, _WINDOW):
            window = result[top : top + _WINDOW, left : left + _WINDOW].reshape(_WINDOW, _WINDOW, -1)
            side = _WINDOW // scale
            blocks = _subtract_plane(window.astype(np.float64)).reshape(side, scale, side, scale, -1)
            if blocks.mean((1, 3)).std((0, 1)).max() <= _FLAT:
                largest = max(largest or 0.0, float(np.ptp(blocks.mean((0, 2)), (0, 1)).max()))
    return largest


def _subtract_plane(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtracts the least-squares plane of each channel from a window ``(S, S, C)``."""
    steps = np.linspace(-1, 1, len(window))
    weights = (steps @ steps) * len(window)
    down = np.einsum("y,yxc->c", steps, window) / weights
    across = np.einsum("x,yxc->c", steps, window) / weights
    plane = window.mean((0, 1)) + steps[:, None, None] * down + steps[None, :, None] * across
    return np.asarray(window - plane)


MESH = Measure("mesh", lambda pair: measure_mesh(pair.result, SCALE), max, 2)
