"""Reads the metadata of a JPEG file from its segments."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, field

from srdgan_rt.image.jpeg.segments import (
    COMMENT,
    EXTENSION_PREFIX,
    ICC_PREFIX,
    PHOTOSHOP_PREFIX,
    XMP_PREFIX,
    find_segments,
)
from srdgan_rt.image.metadata import exif, iptc, xmp_auxiliary, xmp_extended
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.metadata.xmp import DamagedXmpError
from srdgan_rt.image.picture import Metadata, Text

_MAX_EXTENSION = 64 << 20
_GAIN_MAP_PREFIX = b"urn:iso:std:iso:ts:21496:"
# Pixel aspect, thumbnail, colour transform and quality: they do not apply to the result.
_DROPPED_SILENTLY = ((0xE0, b"JFIF\0"), (0xE0, b"JFXX\0"), (0xEE, b"Adobe"), (0xEC, b"Ducky"))
_TIFF_STARTS = (b"II*\0", b"MM\0*")


@dataclass
class _Parts:
    """The contents of the segments, in pieces."""

    exif: list[bytes] = field(default_factory=list)
    xmp: bytes | None = None
    extensions: dict[str, dict[int, bytes]] = field(default_factory=dict)
    extension_sizes: dict[str, int] = field(default_factory=dict)
    photoshop: list[bytes] = field(default_factory=list)
    icc: dict[int, bytes] = field(default_factory=dict)
    num_icc: int = 0
    comments: list[bytes] = field(default_factory=list)
    dpi: tuple[float, float] | None = None
    has_density: bool = False
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_metadata(data: bytes) -> tuple[Metadata, list[str]]:
    """Reads the metadata of a JPEG file.

    Args:
        data: the whole file.

    Returns:
        The metadata as they are in the file; and notes, one line for each kind of data that is not kept.
    """
    parts = _Parts()
    segments, pixels = find_segments(data)
    for marker, body in segments:
        _store(parts, marker, body)
    notes = parts.notes + _describe_tail(data, pixels)
    if parts.unknown:
        notes.append(f"JPEG segments not kept: {', '.join(dict.fromkeys(parts.unknown))}")
    block = _join_exif(parts.exif)
    resources = iptc.read_resources(b"".join(parts.photoshop))
    notes += iptc.describe_dropped(resources)
    icc = b"".join(parts.icc[number] for number in sorted(parts.icc)) or resources.get(iptc.ICC)
    if len(parts.icc) < parts.num_icc:
        icc = None
        notes.append(f"damaged ICC profile dropped: {len(parts.icc)} of {parts.num_icc} segments")
    metadata = Metadata(
        exif=block or resources.get(iptc.EXIF),
        icc=icc or None,
        xmp=_join_xmp(parts, notes) or resources.get(iptc.XMP),
        dpi=parts.dpi if parts.has_density else _get_exif_dpi(block),
        iptc=iptc.clean(resources.get(iptc.IPTC, b"")),
        texts=tuple(Text("Comment", _decode_comment(comment)) for comment in parts.comments if comment.strip(b"\0")),
    )
    return metadata, list(dict.fromkeys(notes))


def _describe_tail(data: bytes, pixels: int) -> list[str]:
    """Notes about data after the main picture. ``pixels`` is where its scans begin, which contain no end marker."""
    end = data.find(b"\xff\xd9", pixels)
    tail = b"" if end < 0 else data[end + 2 :]
    if b"ftyp" in tail:
        return [xmp_auxiliary.VIDEO_LOST]
    if b"\xff\xd8\xff" in tail:
        return [xmp_auxiliary.PICTURES_LOST]
    return ["data behind the picture not kept"] if tail.strip(b"\0\xff\r\n ") else []


def _store(parts: _Parts, marker: int, body: bytes) -> None:
    if marker == COMMENT:
        parts.comments.append(body)
    elif marker == 0xE1 and body.startswith(exif.PREFIX):
        parts.exif.append(body.removeprefix(exif.PREFIX))
    elif marker == 0xE1 and body.startswith(XMP_PREFIX):
        parts.xmp = parts.xmp or body.removeprefix(XMP_PREFIX)
    elif marker == 0xE1 and body.startswith(EXTENSION_PREFIX):
        _store_extension(parts, body.removeprefix(EXTENSION_PREFIX))
    elif marker == 0xE2 and body.startswith(ICC_PREFIX) and len(body) > 14:
        parts.icc.setdefault(body[12], body[14:])
        parts.num_icc = body[13]
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        parts.notes.append(xmp_auxiliary.PICTURES_LOST)
    elif marker == 0xE2 and body.startswith(_GAIN_MAP_PREFIX):
        parts.notes.append(xmp_auxiliary.GAIN_MAP_LOST)
    elif marker == 0xED and body.startswith(PHOTOSHOP_PREFIX):
        parts.photoshop.append(body.removeprefix(PHOTOSHOP_PREFIX))
    elif marker == 0xEB and body.startswith(b"JP"):
        parts.notes.append("content credentials (C2PA) or other JUMBF data dropped")
    elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        _read_density(parts, body)
    elif not body.startswith(tuple(start for quiet, start in _DROPPED_SILENTLY if quiet == marker)):
        parts.unknown.append(f"APP{marker - 0xE0}")


def _store_extension(parts: _Parts, body: bytes) -> None:
    if len(body) >= 40:
        guid = body[:32].decode("latin-1").upper()
        size, offset = struct.unpack_from(">II", body, 32)
        parts.extension_sizes[guid] = size
        parts.extensions.setdefault(guid, {})[offset] = body[40:]


def _read_density(parts: _Parts, body: bytes) -> None:
    unit, x, y = struct.unpack_from(">BHH", body, 7)
    per_inch = {1: 1.0, 2: 2.54}.get(unit)
    if per_inch is not None:
        parts.has_density = True
        parts.dpi = (x * per_inch, y * per_inch) if x and y else None


def _join_exif(blocks: list[bytes]) -> bytes | None:
    """The first block, joined with the segments that continue it; another block would start with a TIFF header."""
    if not blocks:
        return None
    joined = [blocks[0]]
    for block in blocks[1:]:
        if block.startswith(_TIFF_STARTS):
            break
        joined.append(block)
    return b"".join(joined)


def _join_xmp(parts: _Parts, notes: list[str]) -> bytes | None:
    """The main packet merged with its extension; notes if the extension does not belong to it or is incomplete."""
    if not parts.extensions:
        return parts.xmp
    complete = {guid: _join_pieces(pieces, parts.extension_sizes[guid]) for guid, pieces in parts.extensions.items()}
    merged = parts.xmp
    if parts.xmp is not None:
        with suppress(DamagedXmpError):
            merged = xmp_extended.merge(parts.xmp, {guid: data for guid, data in complete.items() if data is not None})
    if merged == parts.xmp:
        notes.append(xmp_auxiliary.EXTENSION_LOST)
    return merged


def _join_pieces(pieces: dict[int, bytes], size: int) -> bytes | None:
    """Joins the pieces of an extension by their offsets; None if some are missing."""
    joined = bytearray()
    for offset in sorted(pieces):
        if offset != len(joined):
            return None
        joined += pieces[offset]
    return bytes(joined) if len(joined) == size <= _MAX_EXTENSION else None


def _get_exif_dpi(block: bytes | None) -> tuple[float, float] | None:
    try:
        return exif.get_dpi(block) if block else None
    except DamagedTagsError:
        return None


def _decode_comment(comment: bytes) -> str:
    comment = comment.rstrip(b"\0")
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")
