"""Pictures of palettes: grey ones stay grey."""

from __future__ import annotations

import numpy as np

from srdgan_rt.image.picture import Metadata
from srdgan_rt.pixels import Pixels


def reduce_to_grey(pixels: Pixels, metadata: Metadata) -> Pixels:
    """The expanded pixels of a palette as grey where all of them are.

    Args:
        pixels: ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA.
        metadata: of the picture. With an ICC profile it stays RGB: the profile is made for RGB.

    Returns:
        ``(H, W)`` grey or ``(H, W, 2)`` grey and alpha; the same pixels where any is coloured.
    """
    red, green, blue = (pixels[..., channel] for channel in range(3))
    if metadata.icc is not None or not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return pixels
    return np.ascontiguousarray(red if pixels.shape[2] == 3 else pixels[..., [0, 3]])
