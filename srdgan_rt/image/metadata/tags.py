"""Copies tags from one directory to another, and packs directories.

Values stay raw bytes in the byte order of the file, so a tag is copied to another file bit for bit, maker notes
included.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

from srdgan_rt.image.metadata.ifd import (
    EXIF_IFD,
    GPS_IFD,
    INTEROPERABILITY_IFD,
    LONG,
    LONG8,
    TYPE_SIZES,
    Buffer,
    DamagedTagsError,
    Layout,
    iterate_entries,
    read_integer,
)

_NESTED = (EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD)


@dataclass(frozen=True)
class PlacedValue:
    """A value that stays where it is in the file: count and value field (a short value or an offset) of its entry."""

    count: int
    field: bytes


@dataclass(frozen=True)
class Tag:
    """One tag copied from a file: raw bytes in the byte order of the file, or the tags of a nested directory."""

    tag: int
    type: int
    value: bytes | tuple[Tag, ...] | PlacedValue


def read_tags(data: Buffer, layout: Layout, ifd: int, only: Collection[int] | None = None) -> tuple[Tag, ...]:
    """Copies the tags of a directory, nested Exif, GPS and interoperability directories included.

    Args:
        data: the whole TIFF structure.
        layout: from :func:`read_header`.
        ifd: offset of the directory.
        only: tags to take from this directory; None takes all. Nested directories are taken whole.

    Raises:
        DamagedTagsError: the directory itself does not fit the data.
    """
    return _read_tags(data, layout, ifd, only, _Budget(len(data)))


class _Budget:
    """Limits the bytes that are read: hostile files have tags that share directories or values without end.

    Attributes:
        visited: offsets of the directories read so far.
        num_bytes: bytes that may still be read; values that do not overlap are never larger than the data.
    """

    def __init__(self, num_bytes: int) -> None:
        self.visited: set[int] = set()
        self.num_bytes = num_bytes

    def take(self, size: int) -> None:
        self.num_bytes -= size
        if self.num_bytes < 0:
            raise DamagedTagsError("tags overlap")


def _read_tags(
    data: Buffer, layout: Layout, ifd: int, only: Collection[int] | None, budget: _Budget
) -> tuple[Tag, ...]:
    budget.visited.add(ifd)
    tags: dict[int, Tag] = {}
    for entry in iterate_entries(data, layout, ifd):
        if entry.tag in tags or (only is not None and entry.tag not in only):
            continue
        value: bytes | tuple[Tag, ...]
        if entry.tag in _NESTED:
            nested = read_integer(data, layout, entry)
            if nested in budget.visited:
                continue
            try:
                value = _read_tags(data, layout, nested, None, budget)
            except DamagedTagsError:
                continue  # one damaged directory must not cost the others
        else:
            budget.take(entry.size)
            value = bytes(data[entry.value_position : entry.value_position + entry.size])
        tags[entry.tag] = Tag(entry.tag, entry.type, value)
    return tuple(tags.values())


def read_placed_tags(data: Buffer, layout: Layout, ifd: int, only: Collection[int] | None = None) -> tuple[Tag, ...]:
    """The tags of a directory; their values and nested directories stay where they are in the file.

    Args:
        data: the whole TIFF structure; the new directory will be part of it, too.
        layout: from :func:`read_header`.
        ifd: offset of the directory.
        only: tags to take; None takes all.

    Raises:
        DamagedTagsError: the directory does not fit the data.
    """
    tags: dict[int, Tag] = {}
    for entry in iterate_entries(data, layout, ifd):
        if entry.tag not in tags and (only is None or entry.tag in only):
            end = entry.position + layout.entry_size
            field = bytes(data[end - layout.offset_size : end])
            tags[entry.tag] = Tag(entry.tag, entry.type, PlacedValue(entry.size // TYPE_SIZES[entry.type], field))
    return tuple(tags.values())


def pack_directory(tags: Collection[Tag], layout: Layout, offset: int, next_directory: int = 0) -> bytes:
    """Packs a directory for the given offset in its file, followed by its values and nested directories.

    Args:
        tags: values in the byte order of ``layout``.
        layout: how to write counts and offsets.
        offset: where in the file the first of the returned bytes will lie; even.
        next_directory: offset of the directory that follows in the chain; 0 for none.
    """
    tags = sorted(tags, key=lambda tag: tag.tag)
    head_size = struct.calcsize(layout.number_format) + len(tags) * layout.entry_size + layout.offset_size
    head, tail = bytearray(struct.pack(layout.number_format, len(tags))), bytearray()
    for tag in tags:
        if len(tail) % 2:
            tail += b"\0"  # TIFF wants values at even offsets
        if isinstance(tag.value, tuple):
            position = offset + head_size + len(tail)
            tail += pack_directory(tag.value, layout, position)
            type_, count, field = LONG8 if layout.big else LONG, 1, struct.pack(layout.offset_format, position)
        elif isinstance(tag.value, PlacedValue):
            type_, count, field = tag.type, tag.value.count, tag.value.field
        else:
            type_, count, field = tag.type, len(tag.value) // TYPE_SIZES[tag.type], tag.value
            if len(field) > layout.offset_size:
                field = struct.pack(layout.offset_format, offset + head_size + len(tail))
                tail += tag.value
        head += struct.pack(layout.order + "HH", tag.tag, type_) + struct.pack(layout.offset_format, count)
        head += field.ljust(layout.offset_size, b"\0")
    return bytes(head) + struct.pack(layout.offset_format, next_directory) + bytes(tail)
