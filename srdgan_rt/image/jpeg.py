"""JPEG: pixels by simplejpeg (libjpeg-turbo), whose strict mode reports what other readers fill in silently.

The segments around them are read in ``jpeg_metadata`` and written in ``jpeg_segments``.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL.JpegImagePlugin import JpegImageFile

from srdgan_rt.image import jpeg_metadata, jpeg_segments
from srdgan_rt.image.colour import convert_cmyk
from srdgan_rt.image.depth import convert_depth, flatten_on_white
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture, Pixels
from srdgan_rt.image.size_limit import SizeCheck

# libjpeg's own limit; the format's is 65535.
MAX_SIDE = 65500
_FULL_CHROMA_FROM = 90
_COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def read_jpeg(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a JPEG file, upright; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    # The class itself, not Image.open: that one keeps a size limit of its own, global to the process.
    header = JpegImageFile(io.BytesIO(data))
    check_size(header.height, header.width)
    pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace=_COLOUR_SPACES[header.mode], strict=True)
    metadata, notes = jpeg_metadata.read_metadata(data)
    if header.mode == "L":
        pixels = pixels[..., 0]
    elif header.mode == "CMYK":
        np.subtract(255, pixels, out=pixels)  # all writers follow Adobe, which stores light, not ink
        pixels, note = convert_cmyk(pixels, metadata.icc)
        notes.append(note)
        metadata = replace(metadata, icc=None)
    return make_upright(Picture(pixels, metadata, "jpeg", tuple(notes)))


def write_jpeg(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a JPEG file: 8 bits, no alpha, colour in full resolution from quality 90 on.

    Args:
        file: where to write.
        pixels: any picture of :class:`Picture`.
        metadata: already fitted to these pixels.
        quality: 1..100.

    Returns:
        What was lost, one line each.
    """
    notes = []
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels, was_transparent = flatten_on_white(pixels)
        if was_transparent:
            notes.append("JPEG has no transparency: laid on white")
    if pixels.dtype != np.uint8:
        notes.append(f"JPEG has 8 bits a channel: converted from {pixels.dtype}")
        pixels = convert_depth(pixels, np.uint8)
    is_grey = pixels.ndim == 2
    colour_subsampling = "444" if quality >= _FULL_CHROMA_FROM else "420"
    encoded = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels[..., None] if is_grey else pixels),
        quality=quality,
        colorspace="GRAY" if is_grey else "RGB",
        colorsubsampling="Gray" if is_grey else colour_subsampling,
        fastdct=False,
    )
    segments, lost = jpeg_segments.pack_metadata(metadata)
    file.write(encoded[:2] + segments)
    file.write(memoryview(encoded)[_find_header_end(encoded) :])
    return notes + lost


def _find_header_end(data: bytes) -> int:
    """Where the encoder's own start marker and application segments (APP0 .. APP15) end."""
    position = 2
    while data[position] == 0xFF and 0xE0 <= data[position + 1] <= 0xEF:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position
