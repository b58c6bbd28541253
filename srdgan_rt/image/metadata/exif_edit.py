"""Edits EXIF blocks without moving any value, because maker notes contain offsets from the start of the block.

Numbers are overwritten in place. A tag is removed from the list of its directory; its value stays as unused bytes. To
add a tag, a new copy of the directory is appended to the block.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from srdgan_rt.image.metadata.ifd import (
    EXIF_IFD,
    INTEROPERABILITY_IFD,
    LONG,
    SHORT,
    DamagedTagsError,
    Entry,
    Layout,
    find_next_pointer,
    iterate_entries,
    read_header,
    read_integer,
)
from srdgan_rt.image.metadata.tags import Tag, pack_directory, read_placed_tags


def find_directories(block: bytes | bytearray, layout: Layout, ifd: int) -> Iterator[int]:
    """Offsets of the directories that describe the main picture: IFD0, Exif and interoperability; each once."""
    found: set[int] = set()
    waiting = [ifd]
    while waiting:
        directory = waiting.pop()
        if directory in found:
            continue
        found.add(directory)
        try:
            entries = list(iterate_entries(block, layout, directory))
        except DamagedTagsError:
            if directory == ifd:
                raise
            continue
        waiting += [read_integer(block, layout, e) for e in entries if e.tag in (EXIF_IFD, INTEROPERABILITY_IFD)]
        yield directory


def patch_integer(block: bytearray, layout: Layout, entry: Entry, value: int) -> None:
    """Overwrites an entry's value, whatever it was, with one integer."""
    if entry.type == SHORT and value <= 0xFFFF:
        struct.pack_into(layout.order + "HIHH", block, entry.position + 2, SHORT, 1, value, 0)
    else:  # a LONG fits the entry's own four bytes, whatever its type was
        struct.pack_into(layout.order + "HII", block, entry.position + 2, LONG, 1, value)


def remove_tags(block: bytearray, layout: Layout, directory: int, tags: Collection[int]) -> None:
    """Removes entries from the directory at this offset; the entries after them change their positions."""
    head = struct.calcsize(layout.number_format)
    end = find_next_pointer(block, layout, directory)
    entries = [block[i : i + layout.entry_size] for i in range(directory + head, end, layout.entry_size)]
    kept = [entry for entry in entries if struct.unpack_from(layout.order + "H", entry)[0] not in tags]
    pointer = block[end : end + layout.offset_size]
    struct.pack_into(layout.number_format, block, directory, len(kept))
    packed = b"".join(kept) + pointer
    block[directory + head : directory + head + len(packed)] = packed


def add_tags(block: bytes, tags: Collection[Tag], *, to_exif: bool = False) -> bytes:
    """Adds tags to IFD0 or to the Exif directory, in place of those with the same numbers.

    Args:
        block: EXIF block, not in BigTIFF form.
        tags: values in the block's byte order.
        to_exif: add to the Exif directory, which is made if there is none, in place of IFD0.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    layout, ifd = read_header(block)
    pointer, directory = 4, ifd
    if to_exif:
        nested = next((e for e in iterate_entries(block, layout, ifd) if e.tag == EXIF_IFD), None)
        if nested is None:
            return add_tags(block, [Tag(EXIF_IFD, LONG, tuple(tags))])
        pointer, directory = nested.value_position, read_integer(block, layout, nested)
    replaced = {tag.tag for tag in tags}
    kept = [tag for tag in read_placed_tags(block, layout, directory) if tag.tag not in replaced]
    (next_directory,) = struct.unpack_from(layout.offset_format, block, find_next_pointer(block, layout, directory))
    grown = bytearray(block) + bytes(len(block) % 2)
    struct.pack_into(layout.offset_format, grown, pointer, len(grown))
    return bytes(grown) + pack_directory([*kept, *tags], layout, len(grown), next_directory)


def make_block(tags: Collection[Tag], order: str) -> bytes:
    """A new block with these tags in IFD0; ``order`` is the byte order, "<" or ">"."""
    header = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
    return header + pack_directory(tags, Layout(order), 8)
