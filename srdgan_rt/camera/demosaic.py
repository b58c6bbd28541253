"""The Bayer pattern, there and back."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

BAYER_PATTERNS = ("rggb", "bggr", "grbg", "gbrg")

# The gradient-corrected linear kernels of Malvar, He and Cutler (2004). They add detail of the colour that was measured
# to those that were not, which makes noise alike in the channels as phones' is; bilinear ones do not fit it.
GREEN = np.array([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]) / 8
ALONG = np.array([[0, 0, 1, 0, 0], [0, -2, 0, -2, 0], [-2, 8, 10, 8, -2], [0, -2, 0, -2, 0], [0, 0, 1, 0, 0]]) / 16
ACROSS = np.array([[0, 0, -3, 0, 0], [0, 4, 0, 4, 0], [-3, 0, 12, 0, -3], [0, 4, 0, 4, 0], [0, 0, -3, 0, 0]]) / 16


def mosaic_colours(picture: Array, pattern: str) -> Array:
    """Keeps one colour a pixel: ``(H, W, 3)`` to ``(H, W)``; ``pattern`` names the first two pixels of two rows."""
    out = np.empty(picture.shape[:2], np.float32)
    for index, letter in enumerate(pattern):
        y, x = divmod(index, 2)
        out[y::2, x::2] = picture[y::2, x::2, "rgb".index(letter)]
    return out


def demosaic(mosaic: Array, pattern: str) -> Array:
    """Interpolates the missing colours; white balance comes first: ``(H, W)`` to ``(H, W, 3)``, any range."""
    padded = cv2.copyMakeBorder(mosaic, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)  # keeps the pattern
    green, row, column, other = (
        cv2.filter2D(padded, -1, kernel.astype(np.float32))[2:-2, 2:-2] for kernel in (GREEN, ALONG, ALONG.T, ACROSS)
    )
    out = np.repeat(mosaic[..., None], 3, -1)
    for index, letter in enumerate(pattern):
        y, x = divmod(index, 2)
        at = np.s_[y::2, x::2]
        if letter == "g":
            in_row = "rgb".index(pattern[index ^ 1])
            out[at][..., in_row] = row[at]
            out[at][..., 2 - in_row] = column[at]
        else:
            own = "rgb".index(letter)
            out[at][..., 1] = green[at]
            out[at][..., 2 - own] = other[at]
    return np.asarray(out, np.float32)
