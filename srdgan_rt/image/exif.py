"""EXIF blocks: what the pixels need of them, and what must change in them when the pixels change.

Maker notes inside a block often hold offsets of their own, counted from its start, so moving anything breaks them.
Hence orientation and sizes are patched where they lie. Only the way into or out of a TIFF file, where the tags live
in the file's own directory, rebuilds the block, bit for bit per tag.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import BinaryIO, Literal

from srdgan_rt.image.ifd import (
    EXIF_IFD,
    GPS_IFD,
    LONG,
    RATIONAL,
    SHORT,
    Buffer,
    DamagedTagsError,
    Entry,
    Layout,
    Tag,
    find_next_pointer,
    iterate_entries,
    pack_directory,
    read_header,
    read_integer,
    read_tags,
)

_IMAGE_WIDTH, _IMAGE_LENGTH, _ORIENTATION = 0x0100, 0x0101, 0x0112
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_PIXEL_X_DIMENSION, _PIXEL_Y_DIMENSION = 0xA002, 0xA003
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202

# What IFD0 of a TIFF file and of an EXIF block have in common: words about the picture, not about its layout.
_DESCRIPTIVE_TAGS = frozenset(
    {
        *(0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298),  # document name .. copyright
        *(0x4746, 0x4749),  # rating
        *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # title, comment, author, keywords, subject of Windows
    }
)


def strip_prefix(block: bytes) -> bytes:
    """The block without the ``b"Exif\\0\\0"`` that JPEG, and some writers elsewhere, put before it."""
    return block.removeprefix(b"Exif\0\0")


def get_orientation(block: bytes) -> int:
    """Orientation 1..8; 1 where the tag is missing or out of range.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    layout, ifd = read_header(block)
    for entry in iterate_entries(block, layout, ifd):
        if entry.tag == _ORIENTATION:
            value = read_integer(block, layout, entry)
            return value if 1 <= value <= 8 else 1
    return 1


def reset_orientation(block: bytes) -> bytes:
    """The same block with its orientation tag, if there is one, set to 1."""
    patched = bytearray(block)
    layout, ifd = read_header(patched)
    for entry in iterate_entries(patched, layout, ifd):
        if entry.tag == _ORIENTATION:
            _patch_integer(patched, layout, entry, 1)
    return bytes(patched)


def fit_to_size(block: bytes, height: int, width: int) -> bytes:
    """The same block for a picture of another size: dimension tags brought up to date, thumbnail removed.

    Args:
        block: EXIF block.
        height: rows of the picture that the block will describe.
        width: its columns.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    patched = bytearray(block)
    layout, ifd = read_header(patched)
    new_values = {_IMAGE_WIDTH: width, _IMAGE_LENGTH: height, _PIXEL_X_DIMENSION: width, _PIXEL_Y_DIMENSION: height}
    directories = [ifd]
    directories += [read_integer(block, layout, e) for e in iterate_entries(block, layout, ifd) if e.tag == EXIF_IFD]
    for directory in directories:
        for entry in iterate_entries(block, layout, directory):
            if entry.tag in new_values:
                _patch_integer(patched, layout, entry, new_values[entry.tag])
    return _without_thumbnail(patched, layout, ifd)


def _patch_integer(block: bytearray, layout: Layout, entry: Entry, value: int) -> None:
    if entry.type == SHORT and value <= 0xFFFF:
        struct.pack_into(layout.order + "HIHH", block, entry.position + 2, SHORT, 1, value, 0)
    else:  # a LONG fits the entry's own four bytes, whatever its type was
        struct.pack_into(layout.order + "HII", block, entry.position + 2, LONG, 1, value)


def _without_thumbnail(block: bytearray, layout: Layout, ifd: int) -> bytes:
    pointer = find_next_pointer(block, layout, ifd)
    (thumbnail_ifd,) = struct.unpack_from(layout.offset_format, block, pointer)
    if thumbnail_ifd == 0:
        return bytes(block)
    struct.pack_into(layout.offset_format, block, pointer, 0)
    try:
        entries = {entry.tag: entry for entry in iterate_entries(block, layout, thumbnail_ifd)}
        start, length = (read_integer(block, layout, entries[tag]) for tag in (_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH))
    except (DamagedTagsError, KeyError):
        return bytes(block)  # a directory that nothing points to any more
    if start <= ifd:
        return bytes(block)
    end = min(start + length, len(block))
    if not any(block[end:]):  # the thumbnail is mostly the last thing in the block: cut it off, else blank it
        return bytes(block[:start])
    block[start:end] = bytes(end - start)
    return bytes(block)


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
        if entry.tag in (_X_RESOLUTION, _Y_RESOLUTION) and entry.type == RATIONAL:
            numerator, denominator = struct.unpack_from(layout.order + "II", block, entry.value_position)
            values[entry.tag] = numerator / denominator if denominator else 0.0
        elif entry.tag == _RESOLUTION_UNIT:
            unit = read_integer(block, layout, entry)
    per_inch = {2: 1.0, 3: 2.54}.get(unit)
    if per_inch is None or not values.get(_X_RESOLUTION) or not values.get(_Y_RESOLUTION):
        return None
    return values[_X_RESOLUTION] * per_inch, values[_Y_RESOLUTION] * per_inch


def with_dpi(block: bytes | None, dpi: tuple[float, float]) -> bytes:
    """A block that holds this resolution, for files that can store it nowhere else."""
    if block is None:
        return _pack_block(_dpi_tags(dpi, "<"), Layout("<"))
    if get_dpi(block) is not None:
        return block
    layout, ifd = read_header(block)
    resolution = _dpi_tags(dpi, layout.order)
    replaced = {tag.tag for tag in resolution}
    kept = tuple(tag for tag in read_tags(block, layout, ifd) if tag.tag not in replaced)
    return _pack_block(kept + resolution, layout)


def _dpi_tags(dpi: tuple[float, float], order: str) -> tuple[Tag, ...]:
    x, y = (struct.pack(order + "II", round(value * 1000), 1000) for value in dpi)
    unit = struct.pack(order + "H", 2)
    return Tag(_X_RESOLUTION, RATIONAL, x), Tag(_Y_RESOLUTION, RATIONAL, y), Tag(_RESOLUTION_UNIT, SHORT, unit)


def _pack_block(tags: tuple[Tag, ...], layout: Layout) -> bytes:
    layout = Layout(layout.order)  # blocks are never BigTIFF
    header = {"<": b"II", ">": b"MM"}[layout.order] + struct.pack(layout.order + "HI", 42, 8)
    return header + pack_directory(tags, layout, 8)


def extract_from_tiff(data: Buffer, ifd: int | None = None) -> tuple[bytes | None, int]:
    """Gathers the EXIF block of a page of a TIFF file.

    Args:
        data: the whole file (a memory map does).
        ifd: offset of the page's directory, whose tags come before those of the first one; None is the first page.

    Returns:
        The block, None where the file describes nothing, and the page's orientation 1..8.

    Raises:
        DamagedTagsError: a directory is damaged.
    """
    layout, first = read_header(data)
    orientation, tags = 1, {}
    for directory in dict.fromkeys((first, first if ifd is None else ifd)):
        for entry in iterate_entries(data, layout, directory):
            if entry.tag == _ORIENTATION:
                value = read_integer(data, layout, entry)
                orientation = value if 1 <= value <= 8 else 1
        tags.update(
            {t.tag: t for t in read_tags(data, layout, directory, only=_DESCRIPTIVE_TAGS | {EXIF_IFD, GPS_IFD})}
        )
    return (_pack_block(tuple(tags.values()), layout) if tags else None), orientation


def add_to_tiff(file: BinaryIO, block: bytes) -> None:
    """Adds the tags of a block to a finished TIFF file, through a new first directory at its end.

    No TIFF writer at hand writes Exif directories into files of every depth.

    Args:
        file: a TIFF file of one page in the block's byte order, readable and writable.
        block: EXIF block.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    block_layout, block_ifd = read_header(block)
    added = read_tags(block, block_layout, block_ifd, only=_DESCRIPTIVE_TAGS | {EXIF_IFD, GPS_IFD})
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        layout, ifd = read_header(data)
        tags = {tag.tag: tag for tag in (*read_tags(data, layout, ifd), *added)}
    assert layout.order == block_layout.order
    offset = file.seek(0, os.SEEK_END)
    offset += file.write(bytes(offset % 2))
    file.write(pack_directory(tuple(tags.values()), layout, offset))
    file.seek(8 if layout.big else 4)
    file.write(struct.pack(layout.offset_format, offset))


def get_byte_order(block: bytes) -> Literal["<", ">"]:
    """Byte order of a block: "<" little-endian, ">" big-endian."""
    return ">" if block.startswith(b"MM") else "<"
