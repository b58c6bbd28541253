"""Reads orientation and resolution from EXIF blocks, and adds or takes out single values."""

from __future__ import annotations

import struct
from collections.abc import Collection
from fractions import Fraction
from typing import Literal

from srdgan_rt.image.metadata.exif_edit import add_tags, make_block, remove_tags
from srdgan_rt.image.metadata.ifd import RATIONAL, SHORT, Buffer, iterate_entries, read_header, read_integer
from srdgan_rt.image.metadata.tags import Tag

ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
PREFIX = b"Exif\0\0"
MAX_DPI = 0xFFFFFFFF // 1000  # a resolution is stored in thousandths of a dot

_MAX_LONG = 0xFFFFFFFF


def strip_prefix(block: bytes) -> bytes:
    """The block without the ``b"Exif\\0\\0"`` that JPEG, and some writers elsewhere, put before it."""
    return block.removeprefix(PREFIX)


def get_orientation(block: bytes) -> int:
    """Orientation 1..8; 1 where the tag is missing or out of range.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    layout, ifd = read_header(block)
    for entry in iterate_entries(block, layout, ifd):
        if entry.tag == ORIENTATION:
            value = read_integer(block, layout, entry)
            return value if 1 <= value <= 8 else 1
    return 1


def get_dpi(block: Buffer, ifd: int | None = None) -> tuple[float, float] | None:
    """Resolution in dots per inch, horizontal then vertical; None where the block has none.

    Args:
        block: EXIF block or TIFF file.
        ifd: offset of the directory; None is the first one.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    layout, first = read_header(block)
    ifd = first if ifd is None else ifd
    values, unit = {}, 2
    for entry in iterate_entries(block, layout, ifd):
        if entry.tag in (X_RESOLUTION, Y_RESOLUTION) and entry.type == RATIONAL:
            numerator, denominator = struct.unpack_from(layout.order + "II", block, entry.value_position)
            values[entry.tag] = numerator / denominator if denominator else 0.0
        elif entry.tag == RESOLUTION_UNIT:
            unit = read_integer(block, layout, entry)
    per_inch = {2: 1.0, 3: 2.54}.get(unit)
    if per_inch is None or not values.get(X_RESOLUTION) or not values.get(Y_RESOLUTION):
        return None
    return values[X_RESOLUTION] * per_inch, values[Y_RESOLUTION] * per_inch


def with_dpi(block: bytes | None, dpi: tuple[float, float]) -> bytes:
    """Stores the resolution in an EXIF block, for formats that have no other place for it.

    Args:
        block: EXIF block or None; a block that has a resolution is returned unchanged.
        dpi: at most ``MAX_DPI``.
    """
    if block is None:
        return make_block(_dpi_tags(dpi, "<"), "<")
    return block if get_dpi(block) is not None else add_tags(block, _dpi_tags(dpi, get_byte_order(block)))


def _dpi_tags(dpi: tuple[float, float], order: str) -> tuple[Tag, ...]:
    x, y = (struct.pack(order + "II", round(value * 1000), 1000) for value in dpi)
    unit = struct.pack(order + "H", 2)
    return Tag(X_RESOLUTION, RATIONAL, x), Tag(Y_RESOLUTION, RATIONAL, y), Tag(RESOLUTION_UNIT, SHORT, unit)


def pack_rational(value: Fraction, order: str) -> bytes:
    """A positive number as EXIF stores it, rounded where numerator or denominator would need more than 32 bits."""
    if max(value.numerator, value.denominator) > _MAX_LONG:
        shrink = max(1, -(-value.numerator // value.denominator))
        value = value.limit_denominator(max(1, _MAX_LONG // (shrink + 1)))
    return struct.pack(order + "II", min(value.numerator, _MAX_LONG), value.denominator)


def get_byte_order(block: bytes) -> Literal["<", ">"]:
    """Byte order of a block: "<" little-endian, ">" big-endian."""
    return ">" if block.startswith(b"MM") else "<"


def take_values(block: bytes, tags: Collection[int]) -> tuple[bytes, dict[int, bytes]]:
    """Takes values out of IFD0, where some writers put XMP, IPTC and ICC profiles.

    Returns:
        The block without these tags, and their values by number.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    layout, ifd = read_header(block)
    found = {
        entry.tag: block[entry.value_position : entry.value_position + entry.size]
        for entry in iterate_entries(block, layout, ifd)
        if entry.tag in tags
    }
    if not found:
        return block, found
    edited = bytearray(block)
    remove_tags(edited, layout, ifd, found)
    return bytes(edited), found
