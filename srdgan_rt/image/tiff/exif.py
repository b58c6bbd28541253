"""Converts between EXIF blocks and the directories of TIFF files.

Maker notes contain offsets from the start of the block or file. So a TIFF file is written with the EXIF block at its
start; and when a block is made from a TIFF file, the maker note is put at the offset that it had in the file.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import BinaryIO

from srdgan_rt.image.metadata.exif import ORIENTATION
from srdgan_rt.image.metadata.exif_update import MAX_BLOCK
from srdgan_rt.image.metadata.ifd import (
    EXIF_IFD,
    GPS_IFD,
    LONG,
    Buffer,
    Layout,
    find_next_pointer,
    iterate_entries,
    read_header,
    read_integer,
)
from srdgan_rt.image.metadata.maker_note import (
    MAKER_NOTE,
    find_maker_note,
    get_maker_note,
    is_movable,
    replace_maker_note,
    without_maker_note,
)
from srdgan_rt.image.metadata.tags import PlacedValue, Tag, pack_directory, read_placed_tags, read_tags

# Tags that describe the picture, in IFD0 of both TIFF files and EXIF blocks.
_DESCRIPTIVE_TAGS = frozenset(
    {
        *(0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298),  # document name .. copyright
        *(0x4746, 0x4749),  # rating
        *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # title, comment, author, keywords, subject of Windows
        *(0xC4A5, 0xEA1C),  # print image matching, padding
    }
)
_KEPT_TAGS = _DESCRIPTIVE_TAGS | {EXIF_IFD, GPS_IFD}
# Tags that the writer of each file makes anew: layout of the pixels, resolution, ICC profile, XMP, IPTC.
_LAYOUT_TAGS = frozenset(
    {
        *range(0x00FE, 0x010D),
        *(0x0111, 0x0112, *range(0x0115, 0x011D), *range(0x0120, 0x0126), 0x0128, 0x0129, 0x013D, 0x0140),
        *(*range(0x0141, 0x0147), 0x014A, *range(0x014C, 0x0157), 0x015B, *range(0x0200, 0x0215)),
        *(0x02BC, 0x83BB, 0x8649, 0x8773),
    }
)
_IMAGE_DESCRIPTION = 0x010E
# Descriptions of the layout: that of tifffile holds the shape, those of OME and ImageJ also the size of a pixel.
_SHAPE_DESCRIPTION = b'{"shape":'
_MICROSCOPE_DESCRIPTIONS = (b"ImageJ=", b"<OME ")
_MAX_MAKER_NOTE_OFFSET = 0xFFFF  # a block that needs more room before its maker note would fit no JPEG file
_MAKER_NOTE_DROPPED = "EXIF maker note dropped: its offsets would be wrong at another position"
# A temporary first directory, which tifffile needs in order to append a page: StripOffsets and StripByteCounts.
_PLACEHOLDER = ((0x0111, 8), (0x0117, 1))


def extract_from_tiff(data: Buffer, ifd: int | None = None) -> tuple[bytes | None, int, list[str]]:
    """Makes an EXIF block from a page of a TIFF file.

    Args:
        data: the whole file, for instance as a memory map.
        ifd: offset of the page's directory, whose tags come before those of the first one; None is the first page.

    Returns:
        The block, None where no tag is kept; the page's orientation 1..8; and notes about what was dropped.

    Raises:
        DamagedTagsError: a directory is damaged.
    """
    layout, first = read_header(data)
    orientation, others = 1, []
    tags: dict[int, Tag] = {}
    with_exif = first
    for directory in dict.fromkeys((first, first if ifd is None else ifd)):
        for entry in iterate_entries(data, layout, directory):
            if entry.tag == ORIENTATION:
                value = read_integer(data, layout, entry)
                orientation = value if 1 <= value <= 8 else 1
            elif entry.tag not in _LAYOUT_TAGS | _KEPT_TAGS:
                others.append(entry.tag)
        found = {tag.tag: tag for tag in read_tags(data, layout, directory, only=_KEPT_TAGS)}
        with_exif = directory if EXIF_IFD in found else with_exif
        tags |= found
    notes = _name_dropped(others)
    description = tags[_IMAGE_DESCRIPTION].value if _IMAGE_DESCRIPTION in tags else b""
    if isinstance(description, bytes) and _is_about_layout(description):
        del tags[_IMAGE_DESCRIPTION]
        if not description.startswith(_SHAPE_DESCRIPTION):
            notes.append("TIFF description of OME or ImageJ dropped: it tells sizes of the old pixels")
    if not tags:
        return None, orientation, notes
    block, maker_notes = _assemble_block(data, layout, with_exif, tuple(tags.values()))
    if len(block) > MAX_BLOCK:
        return None, orientation, [*notes, f"EXIF dropped: {len(block):,} bytes, more than {MAX_BLOCK:,}"]
    return block, orientation, notes + maker_notes


def _is_about_layout(description: bytes) -> bool:
    return description.startswith(_SHAPE_DESCRIPTION) or any(m in description[:1000] for m in _MICROSCOPE_DESCRIPTIONS)


def _name_dropped(tags: list[int]) -> list[str]:
    if not tags:
        return []
    tags = list(dict.fromkeys(tags))
    named = ", ".join(str(tag) for tag in tags[:8]) + (", ..." if len(tags) > 8 else "")
    return [f"TIFF tags not kept: {named}"]


def _assemble_block(data: Buffer, layout: Layout, ifd: int, tags: tuple[Tag, ...]) -> tuple[bytes, list[str]]:
    """Packs a block; a maker note that cannot be moved keeps its offset."""
    small = Layout(layout.order)  # a block never has BigTIFF's layout
    header = {"<": b"II", ">": b"MM"}[layout.order] + struct.pack(layout.order + "H", 42)
    note, entry = get_maker_note(tags), find_maker_note(data, layout, ifd)
    if note is None or entry is None or len(note) <= small.offset_size or is_movable(note):
        return header + struct.pack(layout.order + "I", 8) + pack_directory(tags, small, 8), []
    start = entry.value_position
    if not 8 <= start <= _MAX_MAKER_NOTE_OFFSET:
        directory = pack_directory(without_maker_note(tags), small, 8)
        return header + struct.pack(layout.order + "I", 8) + directory, [_MAKER_NOTE_DROPPED]
    placed = PlacedValue(len(note), struct.pack(layout.order + "I", start))
    tags = replace_maker_note(tags, Tag(MAKER_NOTE, entry.type, placed))
    directory = pack_directory(tags, small, 8)
    if 8 + len(directory) <= start:
        block = header + struct.pack(layout.order + "I", 8) + directory
        return block.ljust(start, b"\0") + note, []
    after = start + len(note) + (start + len(note)) % 2
    block = (header + struct.pack(layout.order + "I", after)).ljust(start, b"\0") + note
    return block.ljust(after, b"\0") + pack_directory(tags, small, after), []


def begin_tiff(file: BinaryIO, block: bytes) -> None:
    """Writes the EXIF block at the start of a TIFF file; next a page is appended, then :func:`finish_tiff` called."""
    layout, _ = read_header(block)
    start = len(block) + len(block) % 2
    file.write(block[:4] + struct.pack(layout.order + "I", start) + block[8:].ljust(start - 8, b"\0"))
    tags = [Tag(tag, LONG, struct.pack(layout.order + "I", value)) for tag, value in _PLACEHOLDER]
    file.write(pack_directory(tags, layout, start))
    file.seek(0)


def finish_tiff(file: BinaryIO, block: bytes) -> list[str]:
    """Adds the tags of a block to the page of a TIFF file, through a new first directory at its end.

    tifffile cannot write Exif directories.

    Args:
        file: a TIFF file in the block's byte order, readable and writable: one page behind the block that
            :func:`begin_tiff` put there or, in BigTIFF's layout, one page alone.
        block: EXIF block.

    Returns:
        What was left out.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    block_layout, block_ifd = read_header(block)
    others = [e.tag for e in iterate_entries(block, block_layout, block_ifd) if e.tag not in _LAYOUT_TAGS | _KEPT_TAGS]
    notes = _name_dropped(others)
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        layout, page = read_header(data)
        if layout.big:
            added = read_tags(block, block_layout, block_ifd, only=_KEPT_TAGS)
            note = get_maker_note(added)
            if note is not None and len(note) > 4 and not is_movable(note):
                added, notes = without_maker_note(added), [*notes, _MAKER_NOTE_DROPPED]
        else:
            added = read_placed_tags(block, block_layout, block_ifd, only=_KEPT_TAGS)
            (page,) = struct.unpack_from(layout.offset_format, data, find_next_pointer(data, layout, page))
        tags = {tag.tag: tag for tag in (*read_placed_tags(data, layout, page), *added)}
    assert layout.order == block_layout.order
    offset = file.seek(0, os.SEEK_END)
    offset += file.write(bytes(offset % 2))
    file.write(pack_directory(tuple(tags.values()), layout, offset))
    file.seek(8 if layout.big else 4)
    file.write(struct.pack(layout.offset_format, offset))
    return notes
