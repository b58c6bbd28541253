"""MATLAB's bicubic resampling of 8-bit pictures by a factor of 4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.image.resample import resize_bicubic
from srdgan_rt.metrics.planes import to_pixels, to_planes
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.pixels import round_to_bytes


def downsample_bicubic(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Makes the low-resolution input of the benchmarks: antialiased bicubic by 1/4, rounded once to 8 bits.

    Args:
        picture: ``(H, W, 3)`` or ``(H, W)``, 8 bits, both sides multiples of 4.

    Returns:
        ``(H / 4, W / 4, 3)`` or ``(H / 4, W / 4)``.
    """
    height, width = picture.shape[:2]
    return round_to_bytes(to_pixels(resize_bicubic(to_planes(picture), height // SCALE, width // SCALE)))


def enlarge_bicubic(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarges by four as MATLAB's ``imresize`` does with an 8-bit picture.

    MATLAB resizes one axis after the other and rounds to 8 bits after each, so overshoot is clipped twice. On dark
    noisy pictures that gains 0.03 dB against rounding once at the end.

    Args:
        picture: ``(H, W, 3)`` or ``(H, W)``, 8 bits.

    Returns:
        ``(4H, 4W, 3)`` or ``(4H, 4W)``.
    """
    height, width = picture.shape[:2]
    planes = resize_bicubic(to_planes(picture), SCALE * height, width).round().clamp(0, 255)
    return round_to_bytes(to_pixels(resize_bicubic(planes, SCALE * height, SCALE * width)))
