"""The mesh that an enlarger may leave on flat areas: a pattern that repeats with every pixel of the small picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WINDOW = 64  # pixels a side of the enlarged picture
_FLAT = 1.5  # 1/255: standard deviation of a window's block means from a plane, at most, for the window to be flat


def measure_mesh(result: NDArray[Any], scale: int) -> float | None:
    """How strong the mesh is on the flat areas of an enlarged picture.

    In windows of 64x64 pixels whose block means lie on a plane, that plane is taken away; what is left is averaged over
    all pixels that lie in one place of their block. Without a mesh these ``scale ** 2`` means are all the same.

    Args:
        result: ``(H, W, 3)`` or ``(H, W)``, 0..255.
        scale: of the enlargement; a divisor of 64.

    Returns:
        Difference of the largest and the smallest of these means, in 1/255; the largest of all windows and channels.
        None where no window is flat.
    """
    largest: float | None = None
    for top in range(0, result.shape[0] - _WINDOW + 1, _WINDOW):
        for left in range(0, result.shape[1] - _WINDOW + 1, _WINDOW):
            window = result[top : top + _WINDOW, left : left + _WINDOW].reshape(_WINDOW, _WINDOW, -1)
            side = _WINDOW // scale
            blocks = _take_plane_away(window.astype(np.float64)).reshape(side, scale, side, scale, -1)
            if blocks.mean((1, 3)).std((0, 1)).max() <= _FLAT:
                largest = max(largest or 0.0, float(np.ptp(blocks.mean((0, 2)), (0, 1)).max()))
    return largest


def _take_plane_away(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """A window ``(S, S, C)`` minus the plane that fits each channel best."""
    steps = np.linspace(-1, 1, len(window))
    weights = (steps @ steps) * len(window)
    down = np.einsum("y,yxc->c", steps, window) / weights
    across = np.einsum("x,yxc->c", steps, window) / weights
    plane = window.mean((0, 1)) + steps[:, None, None] * down + steps[None, :, None] * across
    return np.asarray(window - plane)
