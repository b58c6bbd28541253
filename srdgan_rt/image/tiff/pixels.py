"""Decodes the pixels of a TIFF page by tifffile, and converts them to grey or RGB of 8 or 16 bits or float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from srdgan_rt.image.alpha import divide_by_alpha
from srdgan_rt.image.depth import expand_bits, map_rows
from srdgan_rt.image.icc import convert_cmyk
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff.lab import LAB_CODINGS, convert_lab
from srdgan_rt.image.tiff.ycbcr import convert_ycbcr, get_subsampling, read_subsampled
from srdgan_rt.pixels import Pixels, white_level

_UNSPECIFIED, _ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 0, 1, 2
_NUM_COLOURS = {
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.CIELAB: 3,
    PHOTOMETRIC.ICCLAB: 3,
    PHOTOMETRIC.ITULAB: 3,
    PHOTOMETRIC.SEPARATED: 4,
}
_JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG)  # decoding it turns YCbCr into RGB


def _check_segments(page: TiffPage) -> None:
    """Raises ValueError for missing or truncated strips and tiles, which tifffile fills with black or cuts off."""
    file_size = page.parent.filehandle.size
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(segments) < int(np.prod(page.chunked)):
        raise ValueError(f"damaged: {len(segments)} of {int(np.prod(page.chunked))} strips or tiles are listed")
    for offset, size in segments:
        if offset + size > file_size:
            raise ValueError(f"truncated: pixels up to byte {offset + size:,} in a file of {file_size:,}")
        if offset == 0 or size == 0:
            raise ValueError("damaged: a strip or tile is empty")


def decode_page(page: TiffPage, icc: bytes | None, check_size: SizeCheck) -> tuple[Pixels, list[str]]:
    """Decodes a page.

    Args:
        page: the page.
        icc: its ICC profile, for CMYK.
        check_size: the size limit.

    Returns:
        Pixels as :class:`Picture` has them, and what was lost or decided, one line each.

    Raises:
        ValueError: the page is damaged, or its layout or colour space is not supported.
    """
    check_size(page.imagelength, page.imagewidth, page.samplesperpixel)
    if page.is_tiled:  # a picture of one pixel may be stored in a tile of any size
        check_size(page.tilelength, page.tilewidth, page.samplesperpixel)
    _check_segments(page)
    photometric = PHOTOMETRIC(page.photometric)
    if photometric not in _NUM_COLOURS:
        raise ValueError(f"TIFF colour space {photometric.name} is not supported")
    num_colours = 1 if page.samplesperpixel < 3 and photometric == PHOTOMETRIC.CIELAB else _NUM_COLOURS[photometric]
    is_ycbcr = photometric == PHOTOMETRIC.YCBCR and page.compression not in _JPEG
    is_subsampled = is_ycbcr and get_subsampling(page) != (1, 1)
    samples = read_subsampled(page) if is_subsampled else _read_samples(page)
    if samples.shape[2] < num_colours:
        raise ValueError(f"TIFF colour space {photometric.name} with {samples.shape[2]} samples a pixel")
    notes: list[str] = []
    if photometric == PHOTOMETRIC.PALETTE:
        if page.colormap is None:
            raise ValueError("damaged: the TIFF palette is missing")
        return _expand_palette(samples[..., 0], page.colormap), notes

    alpha = _find_alpha(page, samples, num_colours, notes)
    if alpha is not None:
        alpha = _to_picture_depth(alpha, page.bitspersample, notes)
    colour = samples[..., :num_colours]
    if photometric in LAB_CODINGS:
        colour = convert_lab(_check_lab(colour, page.bitspersample), photometric)
        notes.append("CIE L*a*b*: converted to sRGB")
    else:
        colour = _to_picture_depth(colour, page.bitspersample, notes)
    if photometric == PHOTOMETRIC.MINISWHITE:
        colour = white_level(colour.dtype) - colour
    elif is_ycbcr and colour.dtype.kind == "u":
        colour = convert_ycbcr(colour, page)
    elif (is_ycbcr or photometric == PHOTOMETRIC.SEPARATED) and colour.dtype.kind == "f":
        raise ValueError(f"TIFF colour space {photometric.name} in floating point is not supported")
    elif photometric == PHOTOMETRIC.SEPARATED:
        colour, note = convert_cmyk(colour, icc)
        notes.append(note)
    if alpha is None:
        return np.ascontiguousarray(colour[..., 0] if colour.shape[2] == 1 else colour), notes
    pixels = np.concatenate([colour, alpha], axis=-1)
    return divide_by_alpha(pixels) if _ASSOCIATED_ALPHA in page.extrasamples else pixels, notes


def _read_samples(page: TiffPage) -> NDArray[Any]:
    """Samples ``(H, W, S)`` as stored."""
    if page.axes not in ("YX", "YXS", "SYX"):
        raise ValueError(f"TIFF with axes {page.axes} is not a picture")
    samples: NDArray[Any] = page.asarray()
    if page.axes == "SYX":
        return np.ascontiguousarray(np.moveaxis(samples, 0, -1))
    return samples[..., None] if page.axes == "YX" else samples


def _check_lab(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """L*a*b* samples in the machine's byte order; a single L* gets colours of zero, in CIELAB's coding."""
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    elif bits in (8, 16) and samples.dtype.kind in "ui":
        samples = samples.astype(samples.dtype.newbyteorder("="), copy=False).view(f"u{bits // 8}")
    else:
        raise ValueError(f"TIFF with L*a*b* of {bits} bits is not supported")
    return np.pad(samples, ((0, 0), (0, 0), (0, 2))) if samples.shape[2] == 1 else samples


def _find_alpha(page: TiffPage, pixels: NDArray[Any], num_colours: int, notes: list[str]) -> NDArray[Any] | None:
    """The alpha channel ``(H, W, 1)``; other extra channels are dropped with a note."""
    extra = pixels.shape[2] - num_colours
    kinds = [int(kind) for kind in page.extrasamples][:extra] + [_UNSPECIFIED] * (extra - len(page.extrasamples))
    index = next((i for i, kind in enumerate(kinds) if kind in (_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA)), None)
    num_dropped = extra - (index is not None)
    if num_dropped:
        notes.append(f"{num_dropped} extra channel(s) that are not alpha dropped")
    return None if index is None else pixels[..., num_colours + index : num_colours + index + 1]


def _expand_palette(indices: NDArray[Any], colormap: NDArray[np.uint16]) -> Pixels:
    # the standard says 16-bit values, but some writers store 8-bit ones
    palette = (colormap >> 8 if colormap.max() > 255 else colormap).T.astype(np.uint8)
    expanded: Pixels = np.take(palette, indices, axis=0)
    return expanded


def _to_picture_depth(samples: NDArray[Any], bits: int, notes: list[str]) -> Pixels:
    """Converts unsigned or floating-point samples to uint8, uint16 or float32 in [0, 1], by their type alone."""
    if samples.dtype == np.bool_:
        return map_rows(samples, lambda block: block.astype(np.uint8) * np.uint8(255), samples.shape, np.uint8)
    if samples.dtype.kind == "f":
        return _to_unit_range(samples, notes)
    if samples.dtype.kind != "u":
        raise ValueError(f"TIFF samples of type {samples.dtype} are not supported")
    if bits > 16:
        notes.append(f"{bits} bits a channel reduced to 16")
    return expand_bits(samples, bits)


def _to_unit_range(samples: NDArray[Any], notes: list[str]) -> Pixels:
    pixels = samples.astype(np.float32, copy=False)
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if not (low >= 0 and high <= 1):  # also true where NaN is among them
        notes.append("floating-point values outside [0, 1] clipped")
        pixels = map_rows(pixels, lambda block: np.clip(np.nan_to_num(block), 0, 1), pixels.shape, np.float32)
    return pixels
