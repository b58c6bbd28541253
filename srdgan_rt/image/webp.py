"""WebP files: imagecodecs (libwebp) decodes, Pillow encodes, chunks with metadata are read here."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.metadata_blocks import list_blocks, make_metadata
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels

MAX_SIDE = 16383
# Lossy WebP has half a megabyte for the prediction modes of all blocks. 195 megapixels of smooth content fail after
# minutes of encoding; 48 megapixels passed with all content that was tried, noise included.
_MAX_LOSSY_PIXELS = 50_000_000
_METADATA = (b"ICCP", b"EXIF", b"XMP ")
_PIXELS = (b"VP8X", b"VP8L", b"VP8 ", b"ALPH", b"ANIM", b"ANMF")


def read_webp(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a WebP file, or the first frame of an animation, upright; see :func:`read_picture`."""
    data = path.read_bytes()
    found: dict[bytes, bytes] = {}
    unknown: list[str] = []
    num_frames, size_known = 0, False
    for kind, body in _iterate_chunks(data):
        if not size_known:  # the first chunk tells the size
            check_size(*_read_size(kind, body))
            size_known = True
        if kind in _METADATA:
            found.setdefault(kind, body)
        elif kind not in _PIXELS:
            unknown.append(kind.decode("ascii", "backslashreplace").strip())
        num_frames += kind == b"ANMF"
    notes = [f"animated: first of {num_frames} frames"] if num_frames > 1 else []
    if unknown:
        notes.append(f"WebP chunks not kept: {', '.join(dict.fromkeys(unknown))}")
    # Pillow would decode it as well, but refuses large pictures by a limit that is global to the process.
    pixels: Pixels = imagecodecs.webp_decode(data, index=0, hasalpha=True if num_frames else None)
    if num_frames:  # a frame may be smaller than its canvas, which is transparent elsewhere
        pixels = _drop_opaque_alpha(pixels)
    metadata = make_metadata(found.get(b"EXIF"), found.get(b"ICCP"), found.get(b"XMP "))
    return make_upright(Picture(pixels, metadata, "webp", tuple(notes)))


def _drop_opaque_alpha(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., :3]) if bool((pixels[..., 3] == 255).all()) else pixels


def _iterate_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each RIFF chunk.

    Raises:
        ValueError: the file is shorter than it says.
    """
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff_size
    if end > len(data):
        raise ValueError(f"truncated: {len(data):,} of {end:,} bytes")
    position = 12
    while position + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if position + size > end:
            raise ValueError(f"damaged: a WebP chunk of {size:,} bytes runs past the end of the file")
        yield kind, data[position : position + size]
        position += size + size % 2


def _read_size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Height and width from the first chunk: extended, lossless or lossy."""
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[7:10], "little") + 1, int.from_bytes(body[4:7], "little") + 1
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return height & 0x3FFF, width & 0x3FFF
    raise ValueError("the WebP header is missing")


def write_webp(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a WebP file: 8 bits, RGB or RGBA.

    Args:
        file: where to write.
        pixels: RGB or RGBA.
        metadata: already updated for these pixels; the resolution has no place but EXIF.
        quality: 1..99 lossy; 100 is lossless, as lossy WebP halves the resolution of colour at any quality. Very
            large pictures are always lossless.

    Returns:
        What was lost, one line each.
    """
    notes = []
    if pixels.dtype != np.uint8:
        notes.append(f"WebP has 8 bits a channel: converted from {pixels.dtype}")
        pixels = convert_depth(pixels, np.uint8)
    is_lossless = quality == 100
    if not is_lossless and pixels.shape[0] * pixels.shape[1] > _MAX_LOSSY_PIXELS:
        is_lossless = True
        notes.append(f"lossy WebP holds no more than {_MAX_LOSSY_PIXELS:,} pixels safely: stored lossless")
    # In lossless form Pillow's "quality" is the effort; more than 0 takes three times as long for a tenth of the size.
    effort_or_quality = 0 if is_lossless else quality
    options: dict[str, Any] = {"quality": effort_or_quality, "lossless": is_lossless, "exact": True}
    options |= list_blocks(metadata)
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "WEBP", **options)
    return notes
