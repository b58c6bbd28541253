"""Converts TIFF's three encodings of CIE L*a*b* to sRGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from srdgan_rt.image.depth import map_rows
from srdgan_rt.pixels import Pixels, white_level

LAB_CODINGS = (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB)
# White of D50, and from XYZ relative to it to linear sRGB, adapted by Bradford's method.
_WHITE = np.array([0.96422, 1.0, 0.82521])
_XYZ_TO_RGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)
_XYZ_TO_RGB /= (_XYZ_TO_RGB @ _WHITE)[:, None]  # white becomes white; the digits above are off by 1e-5


def convert_lab(samples: Pixels, coding: PHOTOMETRIC) -> Pixels:
    """Converts L*a*b* to sRGB; colours that sRGB does not have are clipped.

    Args:
        samples: ``(H, W, 3)`` uint8 or uint16 as stored, or float32 with the values themselves: L* in 0..100.
        coding: one of :data:`LAB_CODINGS`.

    Returns:
        ``(H, W, 3)`` RGB of the same dtype; float32 in [0, 1].
    """
    full = white_level(samples.dtype)

    def convert(block: NDArray[Any]) -> NDArray[Any]:
        rgb = _to_srgb(_decode(block, coding))
        return rgb if block.dtype.kind == "f" else np.rint(rgb * full)

    return map_rows(samples, convert, samples.shape, samples.dtype)


def _decode(block: NDArray[Any], coding: PHOTOMETRIC) -> NDArray[np.float64]:
    if block.dtype.kind == "f":
        return block.astype(np.float64)
    full = white_level(block.dtype)
    if coding == PHOTOMETRIC.CIELAB:  # a* and b* signed, 1 or 1/256 a step
        signed = block[..., 1:].view(np.dtype(f"i{block.itemsize}"))
        lightness, colour = block[..., :1] * (100 / full), signed / (1 if full == 255 else 256)
    elif coding == PHOTOMETRIC.ICCLAB:  # a* and b* from -128 on; in 16 bits the high byte is the value of 8 bits
        step = 1 if full == 255 else 256
        lightness, colour = block[..., :1] * (100 / (255 * step)), block[..., 1:] / step - 128
    else:  # ITU-T T.42: a* in -85..85, b* in -75..125
        lightness = block[..., :1] * (100 / full)
        middle = np.array([128, 96]) * ((full + 1) / 256)
        colour = (block[..., 1:] - middle) * (np.array([170, 200]) / full)
    return np.concatenate([lightness, colour], axis=-1)


def _to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    y = (lab[..., 0] + 16) / 116
    curved = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = _WHITE * np.where(curved > 6 / 29, curved**3, (curved - 4 / 29) * (108 / 841))
    linear = np.clip(np.nan_to_num(xyz @ _XYZ_TO_RGB.T), 0, 1)
    srgb: NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return srgb
