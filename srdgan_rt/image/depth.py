"""Converts sample types and flattens alpha, a few rows at a time.

A 12-megapixel photograph enlarged four times has 195 million pixels: a whole-picture temporary in float32 would
take 2.3 GB, so everything here goes through blocks of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from srdgan_rt.image.picture import Pixels

_BLOCK_SAMPLES = 1 << 20


def largest_value(dtype: DTypeLike) -> int:
    """The value of full brightness, or full opacity: 255, 65535, or 1 for floating point."""
    dtype = np.dtype(dtype)
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def map_rows(
    pixels: NDArray[Any], function: Callable[[NDArray[Any]], NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike
) -> NDArray[Any]:
    """Applies a pixel-wise function block by block of rows into a new array of the given shape and dtype."""
    out = np.empty(shape, dtype)
    num_rows = max(1, _BLOCK_SAMPLES * len(pixels) // pixels.size)
    for top in range(0, len(pixels), num_rows):
        out[top : top + num_rows] = function(pixels[top : top + num_rows])
    return out


def convert_depth(pixels: Pixels, dtype: DTypeLike) -> Pixels:
    """Converts samples so that black stays black and full brightness stays full brightness, rounding to nearest.

    Args:
        pixels: uint8, uint16 or float32 in [0, 1] (values outside are clipped when the result is of integers).
        dtype: uint8, uint16 or float32.

    Returns:
        ``pixels`` itself where it has that dtype already.
    """
    dtype = np.dtype(dtype)
    if pixels.dtype == dtype:
        return pixels
    if pixels.dtype == np.uint8 and dtype == np.uint16:
        return map_rows(pixels, lambda block: block.astype(np.uint16) * np.uint16(257), pixels.shape, dtype)
    scale = largest_value(dtype) / largest_value(pixels.dtype)

    def convert(block: NDArray[Any]) -> NDArray[Any]:
        # float64, because float32 would not round 16-bit halves correctly
        values = block.astype(np.float64) * scale
        return values if dtype.kind == "f" else np.rint(np.clip(np.nan_to_num(values), 0, largest_value(dtype)))

    return map_rows(pixels, convert, pixels.shape, dtype)


def flatten_on_white(pixels: Pixels) -> tuple[Pixels, bool]:
    """Lays a picture with alpha on white.

    Args:
        pixels: ``(H, W, 2)`` or ``(H, W, 4)``, alpha not multiplied in.

    Returns:
        ``(H, W)`` or ``(H, W, 3)`` of the same dtype, and whether anything was transparent at all.
    """
    colours = pixels.shape[2] - 1
    full = largest_value(pixels.dtype)
    if bool((pixels[..., -1] == full).all()):
        flat = pixels[..., 0] if colours == 1 else pixels[..., :3]
        return np.ascontiguousarray(flat), False

    def flatten(block: NDArray[Any]) -> NDArray[Any]:
        colour, alpha = block[..., :colours].astype(np.float64), block[..., colours:].astype(np.float64) / full
        flat = colour * alpha + full * (1 - alpha)
        flat = flat if pixels.dtype.kind == "f" else np.rint(flat)
        return flat[..., 0] if colours == 1 else flat

    shape = pixels.shape[:2] if colours == 1 else (*pixels.shape[:2], 3)
    return map_rows(pixels, flatten, shape, pixels.dtype), True


def divide_by_alpha(pixels: Pixels) -> Pixels:
    """Takes a multiplied-in ("associated") alpha out of the colours of ``(H, W, 2 or 4)``."""
    full = largest_value(pixels.dtype)

    def divide(block: NDArray[Any]) -> NDArray[Any]:
        colour, alpha = block[..., :-1].astype(np.float64), block[..., -1:].astype(np.float64)
        colour = np.minimum(np.divide(colour * full, alpha, out=np.zeros_like(colour), where=alpha > 0), full)
        colour = colour if pixels.dtype.kind == "f" else np.rint(colour)
        return np.concatenate([colour, alpha], axis=-1)

    return map_rows(pixels, divide, pixels.shape, pixels.dtype)
