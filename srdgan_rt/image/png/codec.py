"""Reads and writes PNG files: pixels by imagecodecs (libpng), the other chunks here.

No library keeps all chunks of 16-bit pictures. Reading them here also checks their checksums before the pixels are
decoded, so damage is detected.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.palette import reduce_to_grey
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.png.metadata import pack_metadata, read_metadata
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 25  # the IHDR chunk is 25 bytes long
_COLOUR_TYPE_AT, _PALETTE = 25, 3  # byte of the header, and its value
_COMPRESSION_LEVEL = 4  # measured: a quarter of level 6's time, files 4% larger


def read_png(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a PNG file, upright; palettes and transparent colours expanded; see :func:`read_picture`."""
    data = path.read_bytes()
    if data[12:16] != b"IHDR":
        raise ValueError("the PNG header is missing")
    width, height = struct.unpack_from(">II", data, 16)
    check_size(height, width)
    metadata, notes = read_metadata(_iterate_chunks(data))
    pixels: Pixels = imagecodecs.png_decode(data)
    if data[_COLOUR_TYPE_AT] == _PALETTE:
        pixels = reduce_to_grey(pixels, metadata)
    return make_upright(Picture(pixels, metadata, "png", tuple(notes)))


def _iterate_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind and body of each chunk up to IEND, and whether its checksum is right; pixels come with an empty body.

    Raises:
        ValueError: the file is truncated, or a chunk that matters fails its checksum.
    """
    view, position, kind = memoryview(data), len(_SIGNATURE), b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("truncated: the last PNG chunk is missing")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise ValueError(f"truncated inside a PNG chunk, at byte {len(data):,}")
        is_intact = zlib.crc32(view[position + 4 : end]) == struct.unpack_from(">I", data, end)[0]
        is_critical = not kind[0] & 0x20
        if not is_intact and is_critical:
            raise ValueError(f"damaged: wrong checksum in the PNG chunk at byte {position:,}")
        yield kind, b"" if kind == b"IDAT" else data[position + 8 : end], is_intact
        position = end + 4


def write_png(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a PNG file of 8 or 16 bits, grey or RGB, with or without alpha.

    Args:
        file: where to write.
        pixels: any picture of :class:`Picture`; float32 is stored in 16 bits.
        metadata: already updated for these pixels.
        quality: not used, the format is lossless.

    Returns:
        What was lost, one line each.
    """
    notes = []
    if pixels.dtype == np.float32:
        notes.append("PNG has at most 16 bits a channel: converted from float32")
        pixels = convert_depth(pixels, np.uint16)
    encoded = memoryview(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=_COMPRESSION_LEVEL))
    file.write(encoded[:_HEADER_END])
    for kind, body in pack_metadata(metadata):
        file.write(_pack_chunk(kind, body))
    file.write(encoded[_HEADER_END:])
    return notes


def _pack_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
