"""Metadata of GIF and BMP files: comments, XMP and ICC in GIF's extensions, ICC behind BMP's pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from srdgan_rt.image.picture import Metadata, Text

_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP, _ICC = b"XMP DataXMP", b"ICCRGBG1012"
# Behind XMP, which is not divided into blocks: bytes that lead every reader of blocks to the end.
_XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
_QUIET = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # how often to play
_EMBEDDED, _LINKED, _CALIBRATED = b"DEBM", b"KNIL", bytes(4)  # colour spaces of BMP, letters in the order of the file
_PROFILE_LOST = "damaged or linked ICC profile of the BMP file dropped"


def read_gif_metadata(data: bytes) -> tuple[Metadata, list[str]]:
    """Gathers the metadata of a GIF file, and what of it goes no further."""
    texts: list[Text] = []
    found: dict[bytes, bytes] = {}
    unknown: list[str] = []
    for label, start, end, blocks in _iterate_extensions(data):
        body = b"".join(blocks[1:])
        name = blocks[0] if blocks else b""
        if label == _COMMENT and blocks:
            texts.append(Text("Comment", b"".join(blocks).decode("utf-8", "replace")))
        elif label == _APPLICATION and name == _XMP:
            found.setdefault(name, data[start + 12 : end].removesuffix(_XMP_TRAILER))
        elif label == _APPLICATION and name == _ICC:
            found.setdefault(name, body)
        elif label == _APPLICATION and name not in _QUIET:
            unknown.append(name.decode("ascii", "backslashreplace"))
    notes = [f"GIF extensions not kept: {', '.join(dict.fromkeys(unknown))}"] if unknown else []
    return Metadata(icc=found.get(_ICC), xmp=found.get(_XMP), texts=tuple(texts)), notes


def _iterate_extensions(data: bytes) -> Iterator[tuple[int, int, int, list[bytes]]]:
    """Label, first and last offset, and blocks of each extension, as far as the file is sound."""
    position = 13 + _measure_palette(data[10:11])
    while position + 2 < len(data):
        kind, label = data[position], data[position + 1]
        if kind == 0x21:
            start = position + 2
            blocks, position = _read_blocks(data, start)
            yield label, start, position, blocks
        elif kind == 0x2C:
            _, position = _read_blocks(data, position + 11 + _measure_palette(data[position + 9 : position + 10]))
        else:
            return


def _measure_palette(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _read_blocks(data: bytes, position: int) -> tuple[list[bytes], int]:
    """The blocks from an offset on, and the offset behind the empty one that ends them."""
    blocks = []
    while position < len(data) and data[position]:
        blocks.append(data[position + 1 : position + 1 + data[position]])
        position += 1 + data[position]
    return blocks, position + 1


def read_bmp_metadata(data: bytes) -> tuple[Metadata, list[str]]:
    """The ICC profile of a BMP file, and what of its colours goes no further."""
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size < 108 or len(data) < 14 + header_size:
        return Metadata(), []
    space = data[14 + 56 : 14 + 60]
    if header_size >= 124 and space == _EMBEDDED:
        offset, size = struct.unpack_from("<II", data, 14 + 112)
        profile = data[14 + offset : 14 + offset + size]
        return (Metadata(icc=profile), []) if profile and len(profile) == size else (Metadata(), [_PROFILE_LOST])
    if space == _LINKED:
        return Metadata(), [_PROFILE_LOST]
    # All programs fill this kind with zeros or with sRGB's numbers, so it is only said where it means something.
    if space == _CALIBRATED and any(data[14 + 60 : 14 + 108]):
        return Metadata(), ["BMP calibration of colours (gamma, primaries) not kept"]
    return Metadata(), []
