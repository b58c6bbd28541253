"""IPTC-IIM (captions, keywords, credits), and Photoshop's image resources, in which files store it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")
_MARKER = 0x1C  # every IIM data set begins with it
IPTC, ICC, EXIF, XMP = 0x0404, 0x040F, 0x0422, 0x0424
# Resolution, thumbnails and a checksum, besides what is kept: nothing worth a note is lost with them.
_DROPPED_SILENTLY = {IPTC, ICC, EXIF, XMP, 0x03ED, 0x0409, 0x040C, 0x0425}

RESOURCES_LOST = "Photoshop settings (paths, guides, print settings) dropped"


def read_resources(data: bytes) -> dict[int, bytes]:
    """Photoshop's image resources by number, the first of each; what is cut off at the end is left out."""
    found: dict[int, bytes] = {}
    for number, body in _iterate_resources(data):
        found.setdefault(number, body)
    return found


def _iterate_resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while data[position : position + 4] in _SIGNATURES and position + 12 <= len(data):
        (number,) = struct.unpack_from(">H", data, position + 4)
        name_size = data[position + 6] + 1
        position += 6 + name_size + name_size % 2
        if position + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, position)
        position += 4
        if position + size > len(data):
            return
        yield number, data[position : position + size]
        position += size + size % 2


def describe_dropped(resources: dict[int, bytes]) -> list[str]:
    """The note about resources that are not kept, if there are any."""
    return [RESOURCES_LOST] if set(resources) - _DROPPED_SILENTLY else []


def pack_resources(iptc: bytes) -> bytes:
    """Wraps IPTC data as a Photoshop image resource."""
    return struct.pack(">4sHHI", b"8BIM", IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def clean(data: bytes) -> bytes | None:
    """Normalises IPTC data: unwraps Photoshop resources, undoes byte swapping, cuts padding. None if there are none.

    TIFF files declare them as an array of 32-bit integers, so some writers swap the bytes.
    """
    if data.startswith(_SIGNATURES):
        data = read_resources(data).get(IPTC, b"")
    if len(data) % 4 == 0 and len(data) >= 4 and data[0] != _MARKER and data[3] == _MARKER:
        data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    data = _cut_padding(data)
    return data if data[:1] == bytes([_MARKER]) else None


def _cut_padding(data: bytes) -> bytes:
    """Cuts zeros behind the last data set."""
    position = 0
    while position + 5 <= len(data) and data[position] == _MARKER:
        (size,) = struct.unpack_from(">H", data, position + 3)
        position += 5
        if size & 0x8000:  # extended size: these 15 bits are the number of its bytes
            digits = size & 0x7FFF
            size = int.from_bytes(data[position : position + min(digits, 8)], "big")
            position += digits
        position += size
    return data[: min(position, len(data))]
