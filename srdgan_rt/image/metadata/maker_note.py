"""Maker notes: data inside EXIF in the camera maker's own format.

Most contain offsets from the start of the EXIF block, so they are readable only at their original offset. Others
contain offsets from their own start and can be moved.
"""

from __future__ import annotations

from srdgan_rt.image.metadata.ifd import (
    EXIF_IFD,
    Buffer,
    DamagedTagsError,
    Entry,
    Layout,
    iterate_entries,
    read_integer,
)
from srdgan_rt.image.metadata.tags import Tag

MAKER_NOTE = 0x927C

# Headers of maker notes whose offsets count from the note itself.
_MOVABLE = (
    b"Nikon\0\x02",
    b"OLYMPUS\0",
    b"OM SYSTEM\0",
    b"FUJIFILM",
    b"Apple iOS\0",
    b"PENTAX \0",
    b"RICOH\0II",
    b"RICOH\0MM",
    b"HDRP",  # no directory at all
)


def is_movable(note: bytes) -> bool:
    """Whether a maker note stays readable at another offset."""
    return note.startswith(_MOVABLE)


def find_maker_note(data: Buffer, layout: Layout, ifd: int) -> Entry | None:
    """The entry of the maker note, given the offset of IFD0."""
    try:
        exif = next((e for e in iterate_entries(data, layout, ifd) if e.tag == EXIF_IFD), None)
        if exif is None:
            return None
        entries = iterate_entries(data, layout, read_integer(data, layout, exif))
        return next((e for e in entries if e.tag == MAKER_NOTE), None)
    except DamagedTagsError:
        return None


def without_maker_note(tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """The tags of IFD0 without the maker note in their Exif directory."""
    return replace_maker_note(tags, None)


def replace_maker_note(tags: tuple[Tag, ...], note: Tag | None) -> tuple[Tag, ...]:
    """The tags of IFD0 with another maker note, or none, in their Exif directory."""
    replaced = []
    for tag in tags:
        if tag.tag == EXIF_IFD and isinstance(tag.value, tuple):
            inner = tuple(t for t in tag.value if t.tag != MAKER_NOTE) + (() if note is None else (note,))
            tag = Tag(tag.tag, tag.type, inner)
        replaced.append(tag)
    return tuple(replaced)


def get_maker_note(tags: tuple[Tag, ...]) -> bytes | None:
    """The bytes of the maker note in the Exif directory of these tags of IFD0."""
    inner = next((tag.value for tag in tags if tag.tag == EXIF_IFD), ())
    values = [tag.value for tag in inner if tag.tag == MAKER_NOTE] if isinstance(inner, tuple) else []
    return values[0] if values and isinstance(values[0], bytes) else None
