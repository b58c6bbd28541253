"""Updates an EXIF block after the pixels were turned or enlarged.

Sizes, positions and resolutions are overwritten in place, so that maker notes stay readable.
"""

from __future__ import annotations

import struct
from fractions import Fraction

from srdgan_rt.image.metadata.exif import ORIENTATION, X_RESOLUTION, Y_RESOLUTION, pack_rational
from srdgan_rt.image.metadata.exif_edit import find_directories, patch_integer, remove_tags
from srdgan_rt.image.metadata.ifd import (
    LONG,
    RATIONAL,
    SHORT,
    DamagedTagsError,
    Entry,
    Layout,
    find_next_pointer,
    iterate_entries,
    read_header,
    read_integer,
)
from srdgan_rt.image.metadata.transform import GeometricTransform

MAX_BLOCK = 4 << 20  # bytes; the largest maker notes of cameras have about one megabyte

_WIDTHS = (0x0100, 0xA002, 0x1001)  # ImageWidth, PixelXDimension, RelatedImageWidth
_HEIGHTS = (0x0101, 0xA003, 0x1002)
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_FOCAL_PLANE = (0xA20E, 0xA20F)  # pixels per unit of the sensor, horizontal then vertical
# How a file stores its pixels, which does not apply to the result: bits, compression, colour space, strips, channels.
_ENCODING = (0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x011C)
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202


def update_exif(block: bytes, transform: GeometricTransform) -> tuple[bytes, list[str]]:
    """Updates a block: orientation 1, no thumbnail, sizes and positions of the new pixels.

    Args:
        block: EXIF block.
        transform: how the pixels were changed.

    Returns:
        The block, and a note for each tag that had to be dropped because it could not be updated.

    Raises:
        DamagedTagsError: the block is not a TIFF structure, has BigTIFF's layout, or is too large.
    """
    if len(block) > MAX_BLOCK:
        raise DamagedTagsError(f"{len(block):,} bytes, more than {MAX_BLOCK:,}")
    layout, ifd = read_header(block)
    if layout.big:
        raise DamagedTagsError("BigTIFF layout")
    patched, notes = bytearray(block), []
    for directory in find_directories(block, layout, ifd):
        removed = _update_directory(patched, layout, directory, transform)
        remove_tags(patched, layout, directory, removed)
        notes += [f"EXIF {name} dropped: it cannot be updated" for name in removed.values() if name]
    return _without_thumbnail(patched, layout, ifd), notes


def _update_directory(
    block: bytearray, layout: Layout, directory: int, transform: GeometricTransform
) -> dict[int, str]:
    """Updates one directory; returns the tags to remove, each with its name for a note, "" for no note."""
    height, width = (round(side) for side in transform.after)
    entries = {entry.tag: entry for entry in iterate_entries(block, layout, directory)}
    for tag, entry in entries.items():
        if tag == ORIENTATION:
            patch_integer(block, layout, entry, 1)
        elif tag in _WIDTHS:
            patch_integer(block, layout, entry, width)
        elif tag in _HEIGHTS:
            patch_integer(block, layout, entry, height)
    removed = {tag: "" for tag in _ENCODING if tag in entries}
    for tag, name in ((_SUBJECT_AREA, "SubjectArea"), (_SUBJECT_LOCATION, "SubjectLocation")):
        if tag in entries and (transform.is_crop or not _update_area(block, layout, entries[tag], transform)):
            removed[tag] = name
    if any(tag in entries for tag in _FOCAL_PLANE) and not _update_focal_plane(block, layout, entries, transform):
        removed |= {tag: "FocalPlaneResolution" for tag in _FOCAL_PLANE if tag in entries}
    if transform.exchanges_sides and {X_RESOLUTION, Y_RESOLUTION} <= entries.keys():
        _exchange_values(block, entries[X_RESOLUTION], entries[Y_RESOLUTION])
    return removed


def map_area(numbers: list[float], transform: GeometricTransform) -> list[int] | None:
    """Maps EXIF's subject area: a point (x, y), a circle (x, y, diameter) or a box (centre x, y, width, height).

    Returns None for any other number of values.
    """
    if len(numbers) not in (2, 3, 4):
        return None
    x, y = transform.map_point(numbers[0], numbers[1])
    lengths: tuple[float, ...] = ()
    if len(numbers) == 3:
        lengths = (sum(transform.map_lengths(numbers[2], numbers[2])) / 2,)
    elif len(numbers) == 4:
        lengths = transform.map_lengths(numbers[2], numbers[3])
    return [max(0, round(value)) for value in (x, y, *lengths)]


def _update_area(block: bytearray, layout: Layout, entry: Entry, transform: GeometricTransform) -> bool:
    code, size = {SHORT: ("H", 2), LONG: ("I", 4)}.get(entry.type, ("", 0))
    if not code or entry.size // size not in (2, 3, 4):
        return False
    format_ = f"{layout.order}{entry.size // size}{code}"
    moved = map_area(list(struct.unpack_from(format_, block, entry.value_position)), transform)
    if moved is None or max(moved) >= 1 << 8 * size:
        return False
    struct.pack_into(format_, block, entry.value_position, *moved)
    return True


def _update_focal_plane(
    block: bytearray, layout: Layout, entries: dict[int, Entry], transform: GeometricTransform
) -> bool:
    if any(tag not in entries or entries[tag].type != RATIONAL or entries[tag].size != 8 for tag in _FOCAL_PLANE):
        return False
    values = []
    for tag in _FOCAL_PLANE:
        numerator, denominator = struct.unpack_from(layout.order + "II", block, entries[tag].value_position)
        if not numerator or not denominator:
            return False
        values.append(Fraction(numerator, denominator))
    for tag, value in zip(_FOCAL_PLANE, scale_densities(values[0], values[1], transform), strict=True):
        position = entries[tag].value_position
        block[position : position + 8] = pack_rational(value, layout.order)
    return True


def scale_densities(x: Fraction, y: Fraction, transform: GeometricTransform) -> tuple[Fraction, Fraction]:
    """Pixels per unit of the new picture, horizontal then vertical, from those of the old one; exact."""
    x, y = x / Fraction(transform.before[1]), y / Fraction(transform.before[0])
    if transform.exchanges_sides:
        x, y = y, x
    return x * Fraction(transform.after[1]), y * Fraction(transform.after[0])


def _exchange_values(block: bytearray, first: Entry, second: Entry) -> None:
    if first.type == second.type and first.size == second.size:
        a, b = (slice(entry.value_position, entry.value_position + entry.size) for entry in (first, second))
        block[a], block[b] = block[b], block[a]


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
        return bytes(block)  # nothing points to this directory any more
    if start <= ifd:
        return bytes(block)
    end = min(start + length, len(block))
    if not any(block[end:]):  # mostly the thumbnail ends the block and can be cut off; else it is overwritten
        return bytes(block[:start])
    block[start:end] = bytes(end - start)
    return bytes(block)
