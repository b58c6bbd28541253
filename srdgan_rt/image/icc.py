"""ICC profiles: conversion of CMYK pictures to sRGB, and whether a profile fits a picture."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from srdgan_rt.image.depth import map_rows
from srdgan_rt.pixels import Pixels, white_level

_COLOUR_SPACES = {1: b"GRAY", 2: b"GRAY", 3: b"RGB ", 4: b"RGB "}


def profile_fits(icc: bytes, channels: int) -> bool:
    """Whether an ICC profile describes pictures of this many channels (alpha counted)."""
    return icc[16:20] == _COLOUR_SPACES[channels]


def convert_cmyk(pixels: Pixels, icc: bytes | None) -> tuple[Pixels, str]:
    """Converts CMYK to sRGB, by the embedded profile (littleCMS) where there is a usable one.

    Args:
        pixels: ``(H, W, 4)`` uint8 or uint16, cyan, magenta, yellow, black; 0 is no ink.
        icc: the file's ICC profile or None. It describes CMYK, so it must not be stored with the result.

    Returns:
        ``(H, W, 3)`` RGB of the same dtype; and a note that says how it was converted.
    """
    shape = (*pixels.shape[:2], 3)
    if icc is not None:
        srgb = imagecodecs.cms_profile("srgb")

        def through_profile(block: NDArray[Any]) -> NDArray[Any]:
            return imagecodecs.cms_transform(block, icc, srgb, colorspace="cmyk", outcolorspace="rgb")

        try:
            return map_rows(pixels, through_profile, shape, pixels.dtype), "CMYK: converted to sRGB by its ICC profile"
        except imagecodecs.CmsError:
            pass  # a damaged profile, or one that is not for CMYK
    full = white_level(pixels.dtype)

    def plainly(block: NDArray[Any]) -> NDArray[Any]:
        light = full - block.astype(np.float64)
        return np.rint(light[..., :3] * light[..., 3:] / full)

    return map_rows(pixels, plainly, shape, pixels.dtype), "CMYK: converted to RGB without a profile"
