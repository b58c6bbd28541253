"""Reads and writes the chunks of a PNG file that hold metadata."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

from srdgan_rt.image.metadata import exif
from srdgan_rt.image.picture import Metadata, Text
from srdgan_rt.image.png.colour import COLOUR_CHUNKS, is_valid_colour_chunk
from srdgan_rt.image.png.text import (
    TEXT_CHUNKS,
    XMP_KEYWORD,
    DamagedTextError,
    inflate,
    is_repeated,
    pack_iptc,
    pack_text,
    unpack_raw_profile,
    unpack_text,
)

_METRES_PER_INCH = 0.0254
_MAX_PROFILE = 1 << 26  # bytes; only decompression bombs are larger
_MAX_TEXTS = 1 << 26  # bytes of all texts
_MAX_NUM_TEXTS = 10_000
# Pixels, frames, and hints for decoders: they do not apply to the result.
_DROPPED_SILENTLY = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"fcTL", b"fdAT", b"hIST", b"iDOT", b"sBIT")
)


class _Parts:
    """The contents of the chunks, in pieces."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}  # "exif", "icc", "xmp", "iptc" from their own chunks
        self.raw_profiles: dict[str, bytes] = {}  # the same as hexadecimal text
        self.dpi: tuple[float, float] | None = None
        self.texts: list[Text] = []
        self.colour: dict[bytes, bytes] = {}
        self.notes: list[str] = []
        self.unknown: list[str] = []
        self.text_room = _MAX_TEXTS


def read_metadata(chunks: Iterable[tuple[bytes, bytes, bool]]) -> tuple[Metadata, list[str]]:
    """Reads the metadata of a PNG file.

    Args:
        chunks: kind and body of each chunk, and whether its checksum is right.

    Returns:
        The metadata as they are in the file; and notes, one line for each kind of data that is not kept.
    """
    parts = _Parts()
    for kind, body, is_intact in chunks:
        try:
            if not is_intact:
                raise DamagedTextError("wrong checksum")
            _store(parts, kind, body)
        except (struct.error, DamagedTextError) as error:
            parts.notes.append(f"damaged {_name(kind)} chunk dropped ({error})")
    if parts.unknown:
        parts.notes.append(f"PNG chunks not kept: {', '.join(dict.fromkeys(parts.unknown))}")
    values = parts.raw_profiles | parts.found
    metadata = Metadata(
        exif=values.get("exif"),
        icc=values.get("icc"),
        xmp=values.get("xmp"),
        dpi=parts.dpi,
        iptc=values.get("iptc"),
        texts=tuple(parts.texts),
        png_colour=tuple((kind, parts.colour[kind]) for kind in COLOUR_CHUNKS if kind in parts.colour),
    )
    return metadata, list(dict.fromkeys(parts.notes))


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")


def _store(parts: _Parts, kind: bytes, body: bytes) -> None:
    if kind == b"eXIf":
        parts.found.setdefault("exif", exif.strip_prefix(body))
    elif kind == b"iCCP":
        _, separator, rest = body.partition(b"\0")
        if not separator or not rest:
            raise DamagedTextError("no name")
        parts.found.setdefault("icc", inflate(rest[1:], _MAX_PROFILE))
    elif kind == b"pHYs":
        x, y, unit = struct.unpack(">IIB", body)
        parts.dpi = (_to_dpi(x), _to_dpi(y)) if unit == 1 and x and y else None
    elif kind == b"acTL":
        frames = struct.unpack(">I", body[:4])[0]
        if frames > 1:
            parts.notes.append(f"animated: first of {frames} frames")
    elif kind in COLOUR_CHUNKS:
        if not is_valid_colour_chunk(kind, body):
            raise DamagedTextError("wrong size or value")
        parts.colour.setdefault(kind, body)
    elif kind in TEXT_CHUNKS:
        _store_text(parts, unpack_text(kind, body))
    elif kind == b"caBX":
        parts.notes.append("content credentials (C2PA) dropped")
    elif kind not in _DROPPED_SILENTLY:
        parts.unknown.append(_name(kind))


def _store_text(parts: _Parts, text: Text) -> None:
    if text.keyword == XMP_KEYWORD:
        parts.found.setdefault("xmp", text.text.encode("utf-8", "replace"))
        return
    profile = unpack_raw_profile(text)
    if profile is not None:
        parts.raw_profiles.setdefault(*profile)
        return
    if is_repeated(text):
        parts.notes.append("PNG texts that repeat other metadata dropped")
        return
    parts.text_room -= len(text.text)
    if parts.text_room < 0 or len(parts.texts) >= _MAX_NUM_TEXTS:
        raise DamagedTextError(f"more than {_MAX_TEXTS:,} bytes or {_MAX_NUM_TEXTS:,} texts")
    parts.texts.append(text)


def _to_dpi(per_metre: int) -> float:
    """Dots per inch; a whole number where that gives the stored value (72 dpi is stored as 2835 per metre)."""
    dpi = per_metre * _METRES_PER_INCH
    return float(round(dpi)) if _from_dpi(round(dpi)) == per_metre else dpi


def _from_dpi(dpi: float) -> int:
    return round(dpi / _METRES_PER_INCH)


def pack_metadata(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """Packs metadata into chunks (kind and body), which belong between the header and the pixels."""
    chunks = [
        (kind, body)
        for kind, body in metadata.png_colour
        if not (kind == b"sRGB" and metadata.icc is not None)  # a file has one or the other
    ]
    if metadata.icc is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi is not None:
        chunks.append((b"pHYs", struct.pack(">IIB", *(_from_dpi(value) for value in metadata.dpi), 1)))
    if metadata.exif is not None:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp is not None:
        chunks.append((b"iTXt", XMP_KEYWORD.encode() + b"\0\0\0\0\0" + metadata.xmp))
    if metadata.iptc is not None:
        chunks.append(pack_iptc(metadata.iptc))
    return chunks + [pack_text(text) for text in metadata.texts]
