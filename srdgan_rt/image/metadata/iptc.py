"""IPTC-IIM, the captions and keywords of press photographs, and Photoshop's image resources in which it travels."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")
_MARKER = 0x1C  # every IIM data set begins with it
IPTC, ICC, EXIF, XMP = 0x0404, 0x040F, 0x0422, 0x0424
# Resolution and small copies, which the result has or does not need, and a checksum that says which program wrote last.
_QUIET = {IPTC, ICC, EXIF, XMP, 0x03ED, 0x0409, 0x040C, 0x0425}

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


def list_lost(resources: dict[int, bytes]) -> list[str]:
    """The note about resources that go no further, if there are any."""
    return [RESOURCES_LOST] if set(resources) - _QUIET else []


def pack_resources(iptc: bytes) -> bytes:
    """IPTC as the only one of Photoshop's image resources."""
    return struct.pack(">4sHHI", b"8BIM", IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def clean(data: bytes) -> bytes | None:
    """IPTC out of a place where it may be wrapped, padded or byte-swapped; None if there is none.

    TIFF files declare it as an array of 32-bit integers, and some writers swap these.
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
        if size & 0x8000:  # the size has a size of its own
            digits = size & 0x7FFF
            size = int.from_bytes(data[position : position + min(digits, 8)], "big")
            position += digits
        position += size
    return data[: min(position, len(data))]
