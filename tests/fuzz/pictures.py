"""Fuzzes the reading of pictures: ``python -m tests.fuzz.pictures --count 100000 --seed 3``."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

from srdgan_rt.image import read_picture
from tests.fuzz.mutate import Parts
from tests.fuzz.picture_seeds import make_seeds
from tests.fuzz.run import Target, main

_MAX_PIXELS = 1 << 20  # keeps cases quick, and shows whether memory stays bounded
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def check_picture(path: Path) -> None:
    picture = read_picture(path, max_pixels=_MAX_PIXELS)
    height, width = picture.pixels.shape[:2]
    assert height * width <= _MAX_PIXELS
    assert all("\n" not in note for note in picture.notes)


def find_parts(data: bytes) -> Parts:
    """PNG chunks, JPEG segments, RIFF chunks, or the tags of TIFF directories; elsewhere numbers of a header."""
    if data.startswith(_PNG_SIGNATURE):
        return _walk(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))
    if data.startswith(b"RIFF"):
        return _walk(data, 12, lambda at: 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1) // 2 * 2)
    if data.startswith(b"\xff\xd8"):
        return _walk(data, 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
    if data.startswith((b"II*\0", b"MM\0*")):
        return _find_tags(data)
    return [(at, at + 4) for at in range(0, min(len(data), 64), 4)]


def _walk(data, start, measure):
    parts = []
    while start < len(data):
        end = min(start + measure(start), len(data))
        parts.append((start, end))
        start = end
    return parts


def _find_tags(data):
    order = "<" if data.startswith(b"II") else ">"
    parts, (ifd,) = [], struct.unpack_from(order + "I", data, 4)
    while ifd:
        (number,) = struct.unpack_from(order + "H", data, ifd)
        parts += [(at, at + 12) for at in range(ifd + 2, ifd + 2 + 12 * number, 12)]
        (ifd,) = struct.unpack_from(order + "I", data, ifd + 2 + 12 * number)
    return parts


def repair(data: bytes) -> bytes:
    """Makes the checksums of PNG and the length of RIFF right again."""
    if data.startswith(b"RIFF") and len(data) >= 8:
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    if not data.startswith(_PNG_SIGNATURE):
        return data
    repaired, position = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        body = data[position + 4 : position + 8 + size]
        repaired.append(data[position : position + 4] + body + struct.pack(">I", zlib.crc32(body)))
        position += 12 + size
    return b"".join(repaired) + data[position:]


TARGET = Target("pictures", make_seeds, check_picture, find_parts, repair)

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Pillow warns of damage before it fails
    main(TARGET)
