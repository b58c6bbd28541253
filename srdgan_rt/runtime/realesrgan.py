"""For programs written for Real-ESRGAN: the same call, with its channel order and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from srdgan_rt.pixels import Pixels, check_pixels

if TYPE_CHECKING:
    from srdgan_rt.runtime.upscaler import Upscaler


def enhance(upscaler: Upscaler, bgr: Pixels, outscale: float | None = None) -> tuple[Pixels, str]:
    """What ``RealESRGANer.enhance`` does, without its habits: depth is decided by the dtype, never by the values.

    Args:
        upscaler: does the work.
        bgr: a picture as OpenCV reads it: ``(H, W)`` grey, ``(H, W, 3)`` BGR or ``(H, W, 4)`` BGRA; uint8, uint16, or
            float32 in [0, 1].
        outscale: enlargement of the result; None is the network's own.

    Returns:
        The enlarged picture in the layout and dtype of ``bgr``, and its mode: ``L``, ``RGB`` or ``RGBA``.

    Raises:
        InputError: the picture or the factor breaks a rule.
    """
    picture = check_pixels(bgr)
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels < 3:
        return upscaler.upscale(picture, outscale=outscale), "L" if channels == 1 else "LA"
    order = [2, 1, 0, 3][:channels]
    result = upscaler.upscale(picture[..., order], outscale=outscale)
    return np.ascontiguousarray(result[..., order]), "RGB" if channels == 3 else "RGBA"
