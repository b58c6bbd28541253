"""Point sampling, and its inverse: an enlargement whose samples are the original pixels."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

DType = TypeVar("DType", bound=np.generic)


def take_samples(pixels: NDArray[DType], scale: int = 4) -> NDArray[DType]:
    """Point-samples a picture: the middle sample of each block, rounded up.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)``.
        scale: pixels a side of a block, at least 1.

    Returns:
        ``[scale // 2 :: scale]`` of both axes, as a view. For tensors there is
        :func:`srdgan_rt.ops.nearest_downsample`; its documentation says how the phase shifts the picture.
    """
    return pixels[scale // 2 :: scale, scale // 2 :: scale]


def enlarge_samples(low: NDArray[Any], scale: int = 4) -> NDArray[np.float32]:
    """Enlarges a picture so that :func:`take_samples` of the result gives the picture itself.

    Args:
        low: ``(H, W, 3)`` floating point in [0, 1].
        scale: enlargement, at least 1.

    Returns:
        ``(scale H, scale W, 3)`` in [0, 1], cubic interpolation in between.
    """
    height, width = low.shape[:2]
    phase = scale // 2
    matrix = np.array([[1, 0, -phase], [0, 1, -phase]], np.float64) / scale
    enlarged = cv2.warpAffine(
        low.astype(np.float32),
        matrix,
        (scale * width, scale * height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.clip(enlarged, 0, 1).astype(np.float32)
