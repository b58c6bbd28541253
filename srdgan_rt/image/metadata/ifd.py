"""Reads directories of tags (IFDs), the structure of EXIF blocks and TIFF files."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Buffer = bytes | bytearray | mmap.mmap

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE, LONG8 = 2, 3, 4, 5, 7, 12, 16
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGER_FORMATS = {SHORT: "H", LONG: "I", 13: "I", LONG8: "Q"}

EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD = 0x8769, 0x8825, 0xA005
SUB_IFDS = 330
_MAX_ENTRIES = 100_000  # of all directories with pictures together; real files have fewer


class DamagedTagsError(ValueError):
    """The data are not a valid TIFF structure."""


@dataclass(frozen=True)
class Layout:
    """Byte order ("<" or ">") and, for BigTIFF, offsets of eight bytes."""

    order: str
    big: bool = False

    @property
    def offset_format(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def offset_size(self) -> int:
        return 8 if self.big else 4

    @property
    def number_format(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def entry_size(self) -> int:
        return 20 if self.big else 12


@dataclass(frozen=True)
class Entry:
    """One tag inside a file: number, type, offsets of entry and value, and the size of the value in bytes."""

    tag: int
    type: int
    position: int
    value_position: int
    size: int


def _unpack(format_: str, data: Buffer, position: int) -> int:
    try:
        value: int = struct.unpack_from(format_, data, position)[0]
    except struct.error:
        raise DamagedTagsError(f"offset {position} lies outside the {len(data)} bytes") from None
    return value


@contextmanager
def map_file(path: Path) -> Iterator[mmap.mmap]:
    """Maps a file into memory, so that only the parts that are used are read."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def read_header(data: Buffer) -> tuple[Layout, int]:
    """Layout and offset of the first directory.

    Raises:
        DamagedTagsError: there is no TIFF header.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise DamagedTagsError("a TIFF structure starts with II or MM")
    version = _unpack(order + "H", data, 2)
    if version == 42:
        return Layout(order), _unpack(order + "I", data, 4)
    if version == 43:
        return Layout(order, big=True), _unpack(order + "Q", data, 8)
    raise DamagedTagsError(f"TIFF version must be 42 or 43, got {version}")


def find_next_pointer(data: Buffer, layout: Layout, ifd: int) -> int:
    """Where the directory at offset ``ifd`` stores the offset of the next one."""
    number = _unpack(layout.number_format, data, ifd)
    position = ifd + struct.calcsize(layout.number_format) + number * layout.entry_size
    _unpack(layout.offset_format, data, position)
    return position


def iterate_entries(data: Buffer, layout: Layout, ifd: int) -> Iterator[Entry]:
    """The tags of the directory at offset ``ifd``; those of unknown type or with values outside the data are skipped.

    Raises:
        DamagedTagsError: the directory itself does not fit the data.
    """
    return (e for e in _all_entries(data, layout, ifd) if e.size and e.value_position + e.size <= len(data))


def check_complete(data: Buffer, layout: Layout, ifd: int) -> None:
    """Raises :class:`DamagedTagsError` if a value of the directory at offset ``ifd`` lies outside the data."""
    for entry in _all_entries(data, layout, ifd):
        if entry.value_position + entry.size > len(data):
            raise DamagedTagsError(f"truncated: tag {entry.tag} lies at byte {entry.value_position:,} of {len(data):,}")


def _all_entries(data: Buffer, layout: Layout, ifd: int) -> Iterator[Entry]:
    start, end = ifd + struct.calcsize(layout.number_format), find_next_pointer(data, layout, ifd)
    entries = struct.iter_unpack(layout.order + ("HHQ8x" if layout.big else "HHI4x"), data[start:end])
    for position, (tag, type_, count) in zip(range(start, end, layout.entry_size), entries, strict=True):
        value_position = position + layout.entry_size - layout.offset_size
        size = TYPE_SIZES.get(type_, 0) * count
        if size > layout.offset_size:
            value_position = _unpack(layout.offset_format, data, value_position)
        yield Entry(tag, type_, position, value_position, size)


def read_integer(data: Buffer, layout: Layout, entry: Entry) -> int:
    """First number of an integer tag; 0 for tags of other types."""
    if entry.type not in _INTEGER_FORMATS:
        return 0
    return _unpack(layout.order + _INTEGER_FORMATS[entry.type], data, entry.value_position)


def read_integers(data: Buffer, layout: Layout, entry: Entry) -> tuple[int, ...]:
    """All numbers of an integer tag; none for tags of other types."""
    if entry.type not in _INTEGER_FORMATS:
        return ()
    number = entry.size // TYPE_SIZES[entry.type]
    return struct.unpack_from(f"{layout.order}{number}{_INTEGER_FORMATS[entry.type]}", data, entry.value_position)


def read_doubles(data: Buffer, layout: Layout, entry: Entry) -> tuple[float, ...]:
    """All numbers of a tag of type DOUBLE; none for tags of other types."""
    if entry.type != DOUBLE:
        return ()
    return struct.unpack_from(f"{layout.order}{entry.size // TYPE_SIZES[DOUBLE]}d", data, entry.value_position)


def iterate_directories(data: Buffer, layout: Layout, first: int) -> Iterator[int]:
    """Offsets of all directories with pictures: each of the chain that starts at ``first``, followed by its SubIFDs.

    Each is given once. A damaged directory ends its chain; if it is the first one, that is an error. The iteration
    stops after more tags than any real file has, because a hostile file could keep it busy for hours.

    Raises:
        DamagedTagsError: the first directory does not fit the data.
    """
    find_next_pointer(data, layout, first)
    seen: set[int] = set()
    waiting = [first]
    num_entries = 0
    while waiting and num_entries < _MAX_ENTRIES:
        ifd = waiting.pop()
        if ifd == 0 or ifd in seen:
            continue
        seen.add(ifd)
        try:
            num_entries += 1 + _unpack(layout.number_format, data, ifd)
            following = _unpack(layout.offset_format, data, find_next_pointer(data, layout, ifd))
            entries = [e for e in iterate_entries(data, layout, ifd) if e.tag == SUB_IFDS]
        except DamagedTagsError:
            continue
        yield ifd
        inner = [offset for entry in entries for offset in read_integers(data, layout, entry)]
        waiting += [following, *reversed(inner)]
