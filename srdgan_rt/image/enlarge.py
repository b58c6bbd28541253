"""Enlargement that keeps the samples of the point-sampled picture where they were taken."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def enlarge_samples(low: NDArray[Any], scale: int = 4) -> NDArray[np.float32]:
    """Enlarges a picture so that the middle samples, ``[scale // 2 :: scale]`` on both axes, are the picture itself.

    Args:
        low: ``(H, W, 3)`` floating point in [0, 1].
        scale: enlargement, at least 1.

    Returns:
        ``(scale H, scale W, 3)`` in [0, 1], cubic interpolation in between.
    """
    height, width = low.shape[:2]
    phase = scale // 2
    place = np.array([[1, 0, -phase], [0, 1, -phase]], np.float64) / scale
    enlarged = cv2.warpAffine(
        low.astype(np.float32),
        place,
        (scale * width, scale * height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.clip(enlarged, 0, 1).astype(np.float32)
