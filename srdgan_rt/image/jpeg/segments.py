"""Finds and writes the segments of a JPEG file that hold metadata.

A segment has at most 64 kB. ICC profiles, Photoshop resources and extended XMP can be divided among several segments.
EXIF is written as one segment; files with EXIF in several are read.
"""

from __future__ import annotations

import struct

from srdgan_rt.image.metadata import exif, exif_fit, iptc, xmp_extended
from srdgan_rt.image.metadata.xmp import DamagedXmpError
from srdgan_rt.image.picture import Metadata

XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
ICC_PREFIX = b"ICC_PROFILE\0"
COMMENT = 0xFE

MAX_EXIF = 65527  # bytes of a block behind its prefix
_MAX_BODY = 65533
_EXTENSION_HEAD = len(EXTENSION_PREFIX) + 40  # GUID, full length, offset


def find_segments(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Marker and body of each segment before the pixels, and the offset of the pixels; stray bytes are skipped."""
    segments: list[tuple[int, bytes]] = []
    position = data.find(b"\xff", 2)
    while 0 <= position <= len(data) - 4:
        marker = data[position + 1]
        if marker in (0xDA, 0xD9):
            return segments, position
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            position = data.find(b"\xff", position + 1)
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if 0xE0 <= marker <= 0xEF or marker == COMMENT:
            segments.append((marker, data[position + 4 : position + 2 + length]))
        position = data.find(b"\xff", position + 2 + max(length, 2))
    return segments, len(data)


def pack_metadata(metadata: Metadata) -> tuple[bytes, list[str]]:
    """Packs metadata into segments.

    Args:
        metadata: updated for the pixels; of the texts only comments can be stored.

    Returns:
        The segments, which belong right after the start marker; and notes about what does not fit.
    """
    notes: list[str] = []
    segments = [_pack_density(metadata.dpi)]
    if metadata.exif is not None:
        block, dropped = exif_fit.fit_block(metadata.exif, MAX_EXIF)
        notes += dropped
        if block is not None:
            segments.append((0xE1, exif.PREFIX + block))
    if metadata.xmp is not None:
        segments += _pack_xmp(metadata.xmp, notes)
    if metadata.icc is not None:
        pieces = _cut(metadata.icc, _MAX_BODY - len(ICC_PREFIX) - 2)
        if len(pieces) > 255:
            notes.append(f"ICC profile of {len(metadata.icc):,} bytes does not fit a JPEG file: dropped")
        else:
            segments += [
                (0xE2, ICC_PREFIX + bytes([number, len(pieces)]) + piece) for number, piece in enumerate(pieces, 1)
            ]
    if metadata.iptc is not None:
        for piece in _cut(iptc.pack_resources(metadata.iptc), _MAX_BODY - len(PHOTOSHOP_PREFIX)):
            segments.append((0xED, PHOTOSHOP_PREFIX + piece))
    for text in metadata.texts:
        comment = text.text.encode("utf-8", "replace")
        if len(comment) > _MAX_BODY:
            notes.append(f"comment of {len(comment):,} bytes does not fit a JPEG file: dropped")
        else:
            segments.append((COMMENT, comment))
    return b"".join(_pack_segment(marker, body) for marker, body in segments), notes


def _pack_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _pack_density(dpi: tuple[float, float] | None) -> tuple[int, bytes]:
    """The JFIF segment, without a thumbnail."""
    x, y = (1, 1) if dpi is None else (max(round(value), 1) for value in dpi)
    return 0xE0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, 0 if dpi is None else 1, x, y, 0, 0)


def _pack_xmp(packet: bytes, notes: list[str]) -> list[tuple[int, bytes]]:
    try:
        main, extension, guid = xmp_extended.split(packet, _MAX_BODY - len(XMP_PREFIX))
    except DamagedXmpError:
        main, extension, guid = packet, None, ""
    if len(main) > _MAX_BODY - len(XMP_PREFIX):
        notes.append(f"XMP of {len(packet):,} bytes does not fit a JPEG file: dropped")
        return []
    segments = [(0xE1, XMP_PREFIX + main)]
    if extension is not None:
        offset = 0
        for piece in _cut(extension, _MAX_BODY - _EXTENSION_HEAD):
            head = EXTENSION_PREFIX + guid.encode() + struct.pack(">II", len(extension), offset)
            segments.append((0xE1, head + piece))
            offset += len(piece)
    return segments


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
