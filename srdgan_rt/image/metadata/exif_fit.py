"""Shortens EXIF blocks that are too large for a format, by dropping the largest values."""

from __future__ import annotations

from srdgan_rt.image.metadata.exif_edit import make_block
from srdgan_rt.image.metadata.ifd import DamagedTagsError, read_header
from srdgan_rt.image.metadata.maker_note import get_maker_note, without_maker_note
from srdgan_rt.image.metadata.tags import Tag, read_tags

_NAMES = {0x9286: "UserComment", 0x010E: "ImageDescription", 0x9C9C: "XPComment"}


def fit_block(block: bytes, max_size: int) -> tuple[bytes | None, list[str]]:
    """Shortens a block.

    Args:
        block: EXIF block.
        max_size: size limit in bytes.

    Returns:
        The block, unchanged if it fits, None if nothing of it fits; and one note about what was dropped. The maker note
        is dropped first: it is the largest value, and the block cannot be packed anew with it.
    """
    if len(block) <= max_size:
        return block, []
    try:
        layout, ifd = read_header(block)
        tags = read_tags(block, layout, ifd)
    except DamagedTagsError:
        return None, [f"EXIF of {len(block):,} bytes does not fit: dropped"]
    dropped = ["maker note"] if get_maker_note(tags) is not None else []
    tags = without_maker_note(tags)
    packed = make_block(tags, layout.order)
    while len(packed) > max_size and tags:
        tags, names = _without_largest(tags, len(packed) - max_size)
        dropped += names
        packed = make_block(tags, layout.order)
    what = ", ".join(dropped[:5]) + (", ..." if len(dropped) > 5 else "") or "unused bytes"
    note = f"EXIF of {len(block):,} bytes does not fit, {what} dropped"
    return (packed, [note]) if tags else (None, [note])


def _without_largest(tags: tuple[Tag, ...], excess: int) -> tuple[tuple[Tag, ...], list[str]]:
    """The tags without those with the longest values, ``excess`` bytes in all, and the names of these."""
    unwanted: dict[int, Tag] = {}
    for leaf in sorted(_list_values(tags), key=_measure, reverse=True) or tags:
        if excess <= 0:
            break
        unwanted[id(leaf)] = leaf
        excess -= _measure(leaf)
    return _without(tags, unwanted), [_NAMES.get(tag.tag, f"tag {tag.tag}") for tag in unwanted.values()]


def _list_values(tags: tuple[Tag, ...]) -> list[Tag]:
    leaves = []
    for tag in tags:
        leaves += _list_values(tag.value) if isinstance(tag.value, tuple) else [tag]
    return leaves


def _measure(tag: Tag) -> int:
    return 12 + (len(tag.value) if isinstance(tag.value, bytes) else 0)


def _without(tags: tuple[Tag, ...], unwanted: dict[int, Tag]) -> tuple[Tag, ...]:
    return tuple(
        Tag(tag.tag, tag.type, _without(tag.value, unwanted)) if isinstance(tag.value, tuple) else tag
        for tag in tags
        if id(tag) not in unwanted
    )
