"""Reads and writes JPEG files by simplejpeg (libjpeg-turbo), whose strict mode reports missing pixels.

Segments with metadata are read in ``metadata.py`` and written in ``segments.py``.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL.JpegImagePlugin import JpegImageFile

from srdgan_rt.image.alpha import flatten_on_white
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.icc import convert_cmyk
from srdgan_rt.image.jpeg.metadata import read_metadata
from srdgan_rt.image.jpeg.pixels import decode_pixels
from srdgan_rt.image.jpeg.segments import pack_metadata
from srdgan_rt.image.jpeg.stream import JpegStream, parse_jpeg
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels, white_level

# libjpeg's own limit; the format's is 65535.
MAX_SIDE = 65500
_FULL_CHROMA_FROM = 90


def read_jpeg(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a JPEG file, upright; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    stream = parse_jpeg(data)
    # Not Image.open, which has a size limit of its own that is global to the process.
    header = JpegImageFile(io.BytesIO(_with_eight_bits(stream)))
    check_size(header.height, header.width, stream.num_components)
    pixels, num_stray = decode_pixels(stream)
    metadata, notes = read_metadata(data)
    if not stream.has_end:
        notes.append("the JPEG end marker is missing; all pixels are there")
    if num_stray + stream.num_stray:
        notes.append(f"{num_stray + stream.num_stray:,} stray byte(s) between the parts of the JPEG file skipped")
    if header.mode == "CMYK":
        pixels = _convert_cmyk(pixels, metadata.icc, notes, is_adobe="adobe" in header.info)
        metadata = replace(metadata, icc=None)
    return make_upright(Picture(pixels, metadata, "jpeg", tuple(notes)))


def _with_eight_bits(stream: JpegStream) -> bytes:
    """The stream with 8 bits a sample in its header: Pillow, which only reads the header here, opens no others."""
    at = stream.precision_position
    return stream.data if stream.precision == 8 else stream.data[:at] + b"\x08" + stream.data[at + 1 :]


def _convert_cmyk(pixels: Pixels, icc: bytes | None, notes: list[str], *, is_adobe: bool) -> Pixels:
    if is_adobe:  # Adobe stores inverted CMYK
        np.subtract(white_level(pixels.dtype), pixels, out=pixels)
    else:
        notes.append("CMYK without Adobe's marker: 0 taken as no ink")
    pixels, note = convert_cmyk(pixels, icc)
    notes.append(note)
    return pixels


def write_jpeg(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a JPEG file: 8 bits, no alpha, colour in full resolution from quality 90 on.

    Args:
        file: where to write.
        pixels: any picture of :class:`Picture`.
        metadata: already updated for these pixels.
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
    segments, lost = pack_metadata(metadata)
    file.write(encoded[:2] + segments)
    file.write(memoryview(encoded)[_find_header_end(encoded) :])
    return notes + lost


def _find_header_end(data: bytes) -> int:
    """Where the encoder's own start marker and application segments (APP0 .. APP15) end."""
    position = 2
    while data[position] == 0xFF and 0xE0 <= data[position + 1] <= 0xEF:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position
