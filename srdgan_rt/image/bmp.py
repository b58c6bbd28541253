"""BMP files: Pillow decodes all but pixels with bit masks, which are decoded here; ICC profiles."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from srdgan_rt.image.depth import map_rows
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.palette import reduce_to_grey
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels, white_level

_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6  # compressions of BMP with whole pixels
_HEADER_WITH_ALPHA = 56  # bytes; headers of this size and more have a mask for alpha
_DEFAULT_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 32: (0xFF0000, 0xFF00, 0xFF)}
_EMBEDDED, _LINKED, _CALIBRATED = b"DEBM", b"KNIL", bytes(4)  # colour spaces, letters in the order of the file
_PROFILE_LOST = "damaged or linked ICC profile of the BMP file dropped"


def read_bmp(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a BMP file; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    pixels, dpi = _read_bit_fields(data, check_size)
    metadata, notes = read_bmp_metadata(data)
    if pixels is None:
        file = BmpImageFile(io.BytesIO(data))
        check_size(file.height, file.width)
        pixels = np.array(file.convert("L" if file.mode in ("1", "L") else "RGB"))
        if file.mode == "P":
            pixels = reduce_to_grey(pixels, metadata)
    elif pixels.shape[2] == 4 and not pixels[..., 3].any():
        notes.append("alpha of zero everywhere, which BMP writers leave undefined: taken as opaque")
        pixels = np.ascontiguousarray(pixels[..., :3])
    return make_upright(Picture(pixels, replace(metadata, dpi=dpi), "bmp", tuple(notes)))


def _read_bit_fields(data: bytes, check_size: SizeCheck) -> tuple[Pixels | None, tuple[float, float] | None]:
    """Decodes pixels of 16 and 32 bits, whose channels are given by bit masks.

    Returns:
        The pixels, None for files of other kinds; and the resolution in dots per inch.
    """
    start, header_size = struct.unpack_from("<II", data, 10)
    if header_size < 40:  # OS/2, without masks and resolution
        return None, None
    width, height, _, bits, compression, _, *per_metre = struct.unpack_from("<iiHHIIii", data, 18)
    dpi = (per_metre[0] * 0.0254, per_metre[1] * 0.0254) if min(per_metre) > 0 else None
    if bits not in _DEFAULT_MASKS or compression not in (_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS):
        return None, dpi
    check_size(abs(height), width)
    masks: tuple[int, ...] = _DEFAULT_MASKS[bits]
    if compression != _PLAIN:
        has_alpha = compression == _ALPHA_BIT_FIELDS or header_size >= _HEADER_WITH_ALPHA
        masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
        masks = masks if all(masks[3:]) else masks[:3]
    stride = (width * bits + 31) // 32 * 4
    if start + stride * abs(height) > len(data):
        raise ValueError(f"truncated: {len(data):,} of {start + stride * abs(height):,} bytes")
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    values = rows[:, : width * bits // 8].copy().view(f"<u{bits // 8}")
    channels = [_extract_channel(values, mask, bits) for mask in masks]
    dtype = np.result_type(*channels)
    pixels = np.stack([_widen(channel, dtype) for channel in channels], axis=-1)
    return np.ascontiguousarray(pixels[::-1] if height > 0 else pixels), dpi


def _extract_channel(values: Pixels, mask: int, bits: int) -> Pixels:
    """One channel in its full range: 8 bits, or 16 where the mask has more than 8."""
    shift = (mask & -mask).bit_length() - 1
    full = mask >> max(shift, 0)
    if mask == 0 or mask >> bits or full & (full + 1):
        raise ValueError(f"damaged: the BMP channel mask {mask:#x}")
    dtype = np.uint8 if full <= 255 else np.uint16
    scale = white_level(dtype) / full
    return map_rows(values, lambda block: np.rint(((block & mask) >> shift) * scale), values.shape, dtype)


def _widen(channel: Pixels, dtype: np.dtype[Any]) -> Pixels:
    return channel if channel.dtype == dtype else channel.astype(dtype) * dtype.type(257)


def read_bmp_metadata(data: bytes) -> tuple[Metadata, list[str]]:
    """The ICC profile of a BMP file, and notes about colour information that is not kept."""
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size < 108 or len(data) < 14 + header_size:
        return Metadata(), []
    space = data[14 + 56 : 14 + 60]
    if header_size >= 124 and space == _EMBEDDED:
        offset, size = struct.unpack_from("<II", data, 14 + 112)
        profile = data[14 + offset : 14 + offset + size]
        return (Metadata(icc=profile), []) if profile and len(profile) == size else (Metadata(), [_PROFILE_LOST])
    if space == _LINKED:
        return Metadata(), [_PROFILE_LOST]
    # Most programs write zeros here, which mean nothing: a note is given only for other values.
    if space == _CALIBRATED and any(data[14 + 60 : 14 + 108]):
        return Metadata(), ["BMP calibration of colours (gamma, primaries) not kept"]
    return Metadata(), []
