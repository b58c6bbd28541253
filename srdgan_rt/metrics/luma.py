"""The luma channel on which super-resolution results are scored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601 in studio range: black is 16, white is 235. Weights of R, G and B for values in [0, 1].
_WEIGHTS = np.array([65.481, 128.553, 24.966])


def luma(rgb: NDArray[Any], *, rounded: bool = False) -> NDArray[np.float64]:
    """Y of BT.601 in studio range, as MATLAB's ``rgb2ycbcr`` gives it.

    Args:
        rgb: ``(H, W, 3)``, RGB in 0..255, of any number type.
        rounded: round to whole numbers, as ``rgb2ycbcr`` does for 8-bit pictures.

    Returns:
        ``(H, W)`` in 16..235.
    """
    y = 16 + rgb.astype(np.float64) @ (_WEIGHTS / 255)
    return np.floor(y + 0.5) if rounded else y
