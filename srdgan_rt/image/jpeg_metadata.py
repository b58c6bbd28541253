"""The segments of a JPEG file that hold metadata, read and written.

A segment has at most 64 kB. ICC profiles, Photoshop's resources and extended XMP go over several; EXIF must fit one,
though files with EXIF in several are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from srdgan_rt.image import exif, exif_fit, iptc, xmp_claims, xmp_extended
from srdgan_rt.image.ifd import DamagedTagsError
from srdgan_rt.image.picture import Metadata, Text
from srdgan_rt.image.xmp import DamagedXmpError

_MAX_BODY = 65533
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEAD = len(_EXTENSION_PREFIX) + 40  # GUID, full length, offset
_MAX_EXTENSION = 64 << 20
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_ICC_PREFIX = b"ICC_PROFILE\0"
_GAIN_MAP_PREFIX = b"urn:iso:std:iso:ts:21496:"
_COMMENT = 0xFE
# Size, thumbnail, colour transform and quality of the encoding: the result has its own.
_QUIET = ((0xE0, b"JFIF\0"), (0xE0, b"JFXX\0"), (0xEE, b"Adobe"), (0xEC, b"Ducky"))
_TIFF_STARTS = (b"II*\0", b"MM\0*")


@dataclass
class _Parts:
    """What the segments hold, before it is put together."""

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
    """Gathers the metadata of a JPEG file.

    Args:
        data: the whole file.

    Returns:
        The metadata as they are in the file, and what of it goes no further, one line a kind.
    """
    parts = _Parts()
    segments, pixels = _find_segments(data)
    for marker, body in segments:
        _sort_in(parts, marker, body)
    notes = parts.notes + _describe_tail(data, pixels)
    if parts.unknown:
        notes.append(f"JPEG segments not kept: {', '.join(dict.fromkeys(parts.unknown))}")
    block = _join_exif(parts.exif)
    resources = iptc.read_resources(b"".join(parts.photoshop))
    notes += iptc.list_lost(resources)
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


def _find_segments(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Marker and body of the segments before the pixels, and where these begin; stray bytes are skipped."""
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
        if 0xE0 <= marker <= 0xEF or marker == _COMMENT:
            segments.append((marker, data[position + 4 : position + 2 + length]))
        position = data.find(b"\xff", position + 2 + max(length, 2))
    return segments, len(data)


def _describe_tail(data: bytes, pixels: int) -> list[str]:
    """What lies behind the main picture, whose pixels begin at that offset and cannot contain an end marker."""
    end = data.find(b"\xff\xd9", pixels)
    tail = b"" if end < 0 else data[end + 2 :]
    if b"ftyp" in tail:
        return [xmp_claims.VIDEO_LOST]
    if b"\xff\xd8\xff" in tail:
        return [xmp_claims.PICTURES_LOST]
    return ["data behind the picture not kept"] if tail.strip(b"\0\xff\r\n ") else []


def _sort_in(parts: _Parts, marker: int, body: bytes) -> None:
    if marker == _COMMENT:
        parts.comments.append(body)
    elif marker == 0xE1 and body.startswith(exif.PREFIX):
        parts.exif.append(body.removeprefix(exif.PREFIX))
    elif marker == 0xE1 and body.startswith(_XMP_PREFIX):
        parts.xmp = parts.xmp or body.removeprefix(_XMP_PREFIX)
    elif marker == 0xE1 and body.startswith(_EXTENSION_PREFIX):
        _sort_in_extension(parts, body.removeprefix(_EXTENSION_PREFIX))
    elif marker == 0xE2 and body.startswith(_ICC_PREFIX) and len(body) > 14:
        parts.icc.setdefault(body[12], body[14:])
        parts.num_icc = body[13]
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        parts.notes.append(xmp_claims.PICTURES_LOST)
    elif marker == 0xE2 and body.startswith(_GAIN_MAP_PREFIX):
        parts.notes.append(xmp_claims.GAIN_MAP_LOST)
    elif marker == 0xED and body.startswith(_PHOTOSHOP_PREFIX):
        parts.photoshop.append(body.removeprefix(_PHOTOSHOP_PREFIX))
    elif marker == 0xEB and body.startswith(b"JP"):
        parts.notes.append("content credentials (C2PA) or other JUMBF data dropped")
    elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        _read_density(parts, body)
    elif not body.startswith(tuple(start for quiet, start in _QUIET if quiet == marker)):
        parts.unknown.append(f"APP{marker - 0xE0}")


def _sort_in_extension(parts: _Parts, body: bytes) -> None:
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
    """The first block, and those after it that go on where it ended; a block of its own starts like a TIFF file."""
    if not blocks:
        return None
    joined = [blocks[0]]
    for block in blocks[1:]:
        if block.startswith(_TIFF_STARTS):
            break
        joined.append(block)
    return b"".join(joined)


def _join_xmp(parts: _Parts, notes: list[str]) -> bytes | None:
    complete = {}
    for guid, pieces in parts.extensions.items():
        joined = b"".join(pieces[offset] for offset in sorted(pieces))
        starts = [sum(len(pieces[o]) for o in sorted(pieces) if o < offset) for offset in sorted(pieces)]
        if starts == sorted(pieces) and len(joined) == parts.extension_sizes[guid] <= _MAX_EXTENSION:
            complete[guid] = joined
    if parts.xmp is None:
        if parts.extensions:
            notes.append(xmp_claims.EXTENSION_LOST)
        return None
    if not parts.extensions:
        return parts.xmp
    try:
        return xmp_extended.merge(parts.xmp, complete)
    except DamagedXmpError:
        notes.append(xmp_claims.EXTENSION_LOST)
        return parts.xmp


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


def pack_metadata(metadata: Metadata) -> tuple[bytes, list[str]]:
    """The segments that hold these metadata.

    Args:
        metadata: true of the pixels; of the texts only comments have a place.

    Returns:
        The segments, to be put right behind the start marker, and what does not fit.
    """
    notes: list[str] = []
    segments = [_pack_density(metadata.dpi)]
    if metadata.exif is not None:
        block, dropped = exif_fit.fit_block(metadata.exif, _MAX_BODY - len(exif.PREFIX))
        notes += dropped
        if block is not None:
            segments.append((0xE1, exif.PREFIX + block))
    if metadata.xmp is not None:
        segments += _pack_xmp(metadata.xmp, notes)
    if metadata.icc is not None:
        pieces = _cut(metadata.icc, _MAX_BODY - len(_ICC_PREFIX) - 2)
        if len(pieces) > 255:
            notes.append(f"ICC profile of {len(metadata.icc):,} bytes does not fit a JPEG file: dropped")
        else:
            segments += [
                (0xE2, _ICC_PREFIX + bytes([number, len(pieces)]) + piece) for number, piece in enumerate(pieces, 1)
            ]
    if metadata.iptc is not None:
        for piece in _cut(iptc.pack_resources(metadata.iptc), _MAX_BODY - len(_PHOTOSHOP_PREFIX)):
            segments.append((0xED, _PHOTOSHOP_PREFIX + piece))
    for text in metadata.texts:
        comment = text.text.encode("utf-8", "replace")
        if len(comment) > _MAX_BODY:
            notes.append(f"comment of {len(comment):,} bytes does not fit a JPEG file: dropped")
        else:
            segments.append((_COMMENT, comment))
    return b"".join(_pack_segment(marker, body) for marker, body in segments), notes


def _pack_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _pack_density(dpi: tuple[float, float] | None) -> tuple[int, bytes]:
    """The JFIF segment, without a thumbnail."""
    x, y = (1, 1) if dpi is None else (max(round(value), 1) for value in dpi)
    return 0xE0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, 0 if dpi is None else 1, x, y, 0, 0)


def _pack_xmp(packet: bytes, notes: list[str]) -> list[tuple[int, bytes]]:
    try:
        main, extension, guid = xmp_extended.split(packet, _MAX_BODY - len(_XMP_PREFIX))
    except DamagedXmpError:
        main, extension, guid = packet, None, ""
    if len(main) > _MAX_BODY - len(_XMP_PREFIX):
        notes.append(f"XMP of {len(packet):,} bytes does not fit a JPEG file: dropped")
        return []
    segments = [(0xE1, _XMP_PREFIX + main)]
    if extension is not None:
        offset = 0
        for piece in _cut(extension, _MAX_BODY - _EXTENSION_HEAD):
            head = _EXTENSION_PREFIX + guid.encode() + struct.pack(">II", len(extension), offset)
            segments.append((0xE1, head + piece))
            offset += len(piece)
    return segments


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
