"""Converts between sample types, a block of rows at a time.

A 12-megapixel photograph enlarged four times has 195 million pixels. A temporary copy of it in float32 would take
2.3 GB, so conversions work on blocks of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from srdgan_rt.pixels import Pixels, white_level

_BLOCK_SAMPLES = 1 << 20


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
    if dtype.kind == "f":
        scale = 1 / white_level(pixels.dtype)
        return map_rows(pixels, lambda block: block.astype(np.float64) * scale, pixels.shape, dtype)
    return _round_to(pixels, white_level(dtype), dtype)


def _round_to(pixels: Pixels, white: float, dtype: DTypeLike) -> Pixels:
    """Integers from 0 to ``white``, rounded to nearest; values outside are clipped."""
    scale = white / white_level(pixels.dtype)

    def convert(block: NDArray[Any]) -> NDArray[Any]:
        # float64, because float32 would not round 16-bit halves correctly
        return np.rint(np.clip(np.nan_to_num(block.astype(np.float64) * scale), 0, white))

    return map_rows(pixels, convert, pixels.shape, dtype)


def reduce_bits(pixels: Pixels, bits: int) -> Pixels:
    """Converts samples to integers of fewer bits, rounding to nearest; the inverse of :func:`expand_bits`.

    Args:
        pixels: uint8, uint16 or float32 in [0, 1] (values outside are clipped).
        bits: bits a sample, 9 to 16.

    Returns:
        uint16; black is 0 and white is ``2 ** bits - 1``.
    """
    return _round_to(pixels, (1 << bits) - 1, np.uint16)


def expand_bits(samples: Pixels, bits: int) -> Pixels:
    """Scales samples of any number of bits to the full range of uint8 or uint16, rounding to nearest.

    Args:
        samples: unsigned integers, any shape with rows first.
        bits: bits a sample, at least 1; black is 0 and white is ``2 ** bits - 1``.

    Returns:
        uint8 from up to 8 bits, else uint16; ``samples`` itself where no bits have to be added or dropped.
    """
    dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    if bits in (8, 16):
        return samples.astype(dtype, copy=False)
    scale = white_level(dtype) / ((1 << bits) - 1)
    return map_rows(samples, lambda block: np.rint(block.astype(np.float64) * scale), samples.shape, dtype)
