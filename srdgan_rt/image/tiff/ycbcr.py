"""Decodes TIFF's YCbCr without JPEG compression: subsampled colour, coefficients and reference levels from tags."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import TIFF, TiffPage

from srdgan_rt.image.depth import map_rows
from srdgan_rt.pixels import Pixels, white_level

_COEFFICIENTS, _SUBSAMPLING, _REFERENCE_LEVELS = 529, 530, 532


def get_subsampling(page: TiffPage) -> tuple[int, ...]:
    """Number of Y samples, horizontally and vertically, for one Cb and one Cr."""
    return _get_numbers(page, _SUBSAMPLING, (2, 2))


def read_subsampled(page: TiffPage) -> Pixels:
    """Reads ``(H, W, 3)`` Y, Cb, Cr of a page with subsampled colour, enlarged to the resolution of Y.

    Raises:
        ValueError: data are missing, or the layout is not supported.
    """
    horizontal, vertical = get_subsampling(page)
    if horizontal not in (1, 2, 4) or vertical not in (1, 2, 4):
        raise ValueError(f"damaged: YCbCr subsampling {horizontal} x {vertical}")
    if page.planarconfig != 1 or page.bitspersample != 8 or page.samplesperpixel != 3 or page.predictor != 1:
        raise ValueError("TIFF with subsampled YCbCr in planes, with a predictor or not in 8 bits is not supported")
    height, width = page.imagelength, page.imagewidth
    chunk_height, chunk_width = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, width)
    out = np.empty((height, width, 3), np.uint8)
    segments = iter(page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts))
    for top in range(0, height, chunk_height):
        rows = chunk_height if page.is_tiled else min(chunk_height, height - top)
        for left in range(0, width, chunk_width):
            block = _unpack(_decompress(page, next(segments)[0]), rows, chunk_width, horizontal, vertical)
            target = out[top : top + rows, left : left + chunk_width]
            target[:] = block[: target.shape[0], : target.shape[1]]
    return out


def _decompress(page: TiffPage, data: Any) -> bytes:
    if page.fillorder == 2:
        raise ValueError("TIFF with subsampled YCbCr and reversed bits is not supported")
    return bytes(data) if page.compression == 1 else bytes(TIFF.DECOMPRESSORS[page.compression](data))


def _unpack(data: bytes, height: int, width: int, horizontal: int, vertical: int) -> NDArray[np.uint8]:
    """Unpacks a strip or tile from its units of ``vertical`` x ``horizontal`` Y, one Cb and one Cr."""
    rows, columns, unit = -(-height // vertical), -(-width // horizontal), horizontal * vertical + 2
    if len(data) < rows * columns * unit:
        raise ValueError(f"truncated: {len(data):,} of {rows * columns * unit:,} bytes of a YCbCr strip")
    units = np.frombuffer(data, np.uint8, rows * columns * unit).reshape(rows, columns, unit)
    luma = units[..., :-2].reshape(rows, columns, vertical, horizontal).swapaxes(1, 2)
    size = (columns * horizontal, rows * vertical)
    colour = cv2.resize(np.ascontiguousarray(units[..., -2:]), size, interpolation=cv2.INTER_LINEAR)
    samples: NDArray[np.uint8] = np.concatenate([luma.reshape(*size[::-1], 1), colour], axis=-1)
    return samples


def convert_ycbcr(samples: Pixels, page: TiffPage) -> Pixels:
    """Converts ``(H, W, 3)`` Y, Cb, Cr to RGB of the same dtype, by the page's tags."""
    full = white_level(samples.dtype)
    middle = (full + 1) // 2
    red, green, blue = _get_numbers(page, _COEFFICIENTS, (0.299, 0.587, 0.114))
    default = (0, full, middle, full, middle, full)
    levels = _get_numbers(page, _REFERENCE_LEVELS, default)
    if max(levels) <= 255 < full:  # some writers give the levels of 8 bits for any depth
        levels = default
    black, white = np.array(levels[0::2]), np.array(levels[1::2])
    if not (green and np.all(white > black)):
        raise ValueError("damaged: the YCbCr coefficients or reference levels are invalid")
    scale = np.array([full, full // 2, full // 2]) / (white - black)

    def convert(block: NDArray[Any]) -> NDArray[Any]:
        y, cb, cr = np.moveaxis((block - black) * scale, -1, 0)
        r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
        g = (y - red * r - blue * b) / green
        rgb: NDArray[Any] = np.rint(np.clip(np.stack([r, g, b], axis=-1), 0, full))
        return rgb

    return map_rows(samples, convert, samples.shape, samples.dtype)


def _get_numbers(page: TiffPage, tag: int, default: tuple[float, ...]) -> tuple[Any, ...]:
    """The numbers of a tag, rationals divided out; the default where it is missing."""
    if tag not in page.tags:
        return default
    value = page.tags[tag].value
    numbers = value if isinstance(value, tuple) else (value,)
    if page.tags[tag].dtype in (5, 10):
        if 0 in numbers[1::2]:
            return default
        numbers = tuple(a / b for a, b in zip(numbers[0::2], numbers[1::2], strict=True))
    if len(numbers) != len(default):
        raise ValueError(f"damaged: TIFF tag {tag} has {len(numbers)} values where {len(default)} belong")
    return numbers
