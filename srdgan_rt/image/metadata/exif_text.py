"""Stores texts and comments in EXIF, for formats that cannot store them elsewhere."""

from __future__ import annotations

from srdgan_rt.image.metadata.exif import get_byte_order
from srdgan_rt.image.metadata.exif_edit import add_tags, make_block
from srdgan_rt.image.metadata.ifd import ASCII, EXIF_IFD, UNDEFINED, read_header
from srdgan_rt.image.metadata.tags import Tag, read_tags
from srdgan_rt.image.picture import Text

_USER_COMMENT = 0x9286
# PNG's keywords and the tags of IFD0 that mean the same. Image generators use "parameters" for theirs.
_TAGS = {
    "Title": 0x010D,
    "Description": 0x010E,
    "Software": 0x0131,
    "Author": 0x013B,
    "Copyright": 0x8298,
    "Comment": _USER_COMMENT,
    "parameters": _USER_COMMENT,
}


def store_texts(block: bytes | None, texts: tuple[Text, ...], max_size: int) -> tuple[bytes | None, tuple[Text, ...]]:
    """Stores texts in EXIF tags that the block does not have yet.

    Args:
        block: EXIF block or None.
        texts: what to store.
        max_size: size limit of the resulting block, in bytes.

    Returns:
        The block, and the texts that could not be stored.

    Raises:
        DamagedTagsError: the block is not a TIFF structure.
    """
    order = "<" if block is None else get_byte_order(block)
    taken = set() if block is None else _list_tags(block)
    in_ifd0, in_exif, left = [], [], []
    room = max_size - (0 if block is None else len(block)) - 2000  # room for new copies of the directories
    for text in texts:
        tag = _TAGS.get(text.keyword)
        value = b"" if tag is None else _encode(text.text, tag, order)
        if tag is None or tag in taken or len(value) > room:
            left.append(text)
            continue
        taken.add(tag)
        room -= len(value)
        if tag == _USER_COMMENT:
            in_exif.append(Tag(tag, UNDEFINED, value))
        else:
            in_ifd0.append(Tag(tag, ASCII, value))
    if block is None and (in_ifd0 or in_exif):
        nested = [Tag(EXIF_IFD, 4, tuple(in_exif))] if in_exif else []
        return make_block([*in_ifd0, *nested], order), tuple(left)
    if block is not None and in_ifd0:
        block = add_tags(block, in_ifd0)
    if block is not None and in_exif:
        block = add_tags(block, in_exif, to_exif=True)
    return block, tuple(left)


def _list_tags(block: bytes) -> set[int]:
    tags = read_tags(block, *read_header(block))
    nested = [t for tag in tags if tag.tag == EXIF_IFD and isinstance(tag.value, tuple) for t in tag.value]
    return {tag.tag for tag in (*tags, *nested)}


def _encode(text: str, tag: int, order: str) -> bytes:
    if tag != _USER_COMMENT:
        return text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
    if text.isascii():
        return b"ASCII\0\0\0" + text.encode()
    return b"UNICODE\0" + text.encode("utf-16-le" if order == "<" else "utf-16-be", "replace")
