"""What a picture is on its way through: pixels, what the file said besides them, and what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError

Pixels = NDArray[Any]  # uint8, uint16 or float32; see Picture

PIXEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


@dataclass(frozen=True)
class Metadata:
    """Everything about a picture that is not its pixels; ``None`` where the file had none.

    Attributes:
        exif: TIFF-structured EXIF block without the ``b"Exif\\0\\0"`` prefix. After :func:`read_picture` its
            orientation tag is 1, because the pixels have been turned upright.
        icc: ICC profile of the pixels as they are (a CMYK profile is used up by the conversion to RGB).
        xmp: XMP packet.
        dpi: resolution in dots per inch, horizontal then vertical.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright.

    Attributes:
        pixels: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, alpha not
            multiplied in; uint8, uint16, or float32 in [0, 1].
        metadata: what else the file held.
        format: "jpeg", "png", "tiff", "webp", "bmp", "gif", "dng" or, of other cameras, "raw"; "" for a
            picture that was not read from a file.
        notes: what was lost or decided while reading, one line each.
    """

    pixels: Pixels
    metadata: Metadata = Metadata()
    format: str = ""
    notes: tuple[str, ...] = ()


def count_channels(pixels: Pixels) -> int:
    """Number of channels of a picture's array: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA).

    Raises:
        InputError: the array is not one of the layouts and dtypes that :class:`Picture` allows.
    """
    if pixels.dtype not in PIXEL_DTYPES:
        raise InputError(f"pixels must be uint8, uint16 or float32, got {pixels.dtype}")
    if pixels.ndim == 2:
        channels = 1
    elif pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4):
        channels = pixels.shape[2]
    else:
        raise InputError(f"pixels must be (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), got {pixels.shape}")
    if 0 in pixels.shape:
        raise InputError(f"pixels must hold at least one pixel, got {pixels.shape}")
    return channels
