"""Metadata as text: names and values that a person can read."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction

from PIL import ExifTags, ImageCms

from srdgan_rt.image import Metadata
from srdgan_rt.image.metadata.exif import ORIENTATION, get_byte_order
from srdgan_rt.image.metadata.ifd import ASCII, EXIF_IFD, GPS_IFD, UNDEFINED, DamagedTagsError, read_header
from srdgan_rt.image.metadata.tags import Tag, read_tags

_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_FRACTIONS = {5: "I", 10: "i"}
_FLOATS = {11: "f", 12: "d"}
_MAX_VALUES = 12  # of one tag that are shown
_MAX_TEXT = 4000  # characters of one value that are shown
_USER_COMMENT = 0x9286


@dataclass(frozen=True)
class Group:
    """Metadata of one kind.

    Attributes:
        title: "EXIF", "GPS", ...
        rows: names and values.
    """

    title: str
    rows: tuple[tuple[str, str], ...]


def describe_metadata(metadata: Metadata) -> list[Group]:
    """Lists the metadata of a picture, without empty groups.

    Args:
        metadata: as :func:`srdgan_rt.image.read_picture` gives them. The orientation is left out: it is that of the
            upright pixels, not that of the file.
    """
    groups = [*_describe_exif(metadata.exif), Group("Texts", tuple((t.keyword, _cut(t.text)) for t in metadata.texts))]
    other = []
    if metadata.icc is not None:
        other.append(("ICC profile", _name_profile(metadata.icc)))
    if metadata.png_colour:
        other.append(
            ("Colour chunks of PNG", ", ".join(kind.decode("ascii", "replace") for kind, _ in metadata.png_colour))
        )
    if metadata.dpi is not None:
        other.append(("Resolution", f"{metadata.dpi[0]:g} x {metadata.dpi[1]:g} dpi"))
    if metadata.iptc is not None:
        other.append(("IPTC", _count_bytes(metadata.iptc)))
    if metadata.xmp is not None:
        other.append(("XMP", _cut(metadata.xmp.decode("utf-8", "replace").strip("\0 \n\r\t"))))
    return [group for group in (*groups, Group("Other", tuple(other))) if group.rows]


def _describe_exif(block: bytes | None) -> list[Group]:
    if block is None:
        return []
    try:
        tags = read_tags(block, *read_header(block))
    except DamagedTagsError as error:
        return [Group("EXIF", (("damaged", str(error)),))]
    order = get_byte_order(block)
    nested = {tag.tag: tag.value for tag in tags if isinstance(tag.value, tuple)}
    plain = [tag for tag in (*tags, *nested.get(EXIF_IFD, ())) if tag.tag != ORIENTATION]
    return [
        Group("EXIF", _describe_tags(plain, ExifTags.TAGS, order)),
        Group("GPS", _describe_tags(nested.get(GPS_IFD, ()), ExifTags.GPSTAGS, order)),
    ]


def _describe_tags(tags: list[Tag] | tuple[Tag, ...], names: dict[int, str], order: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (names.get(tag.tag, f"0x{tag.tag:04X}"), _describe_value(tag, tag.value, order))
        for tag in tags
        if isinstance(tag.value, bytes)
    )


def _describe_value(tag: Tag, value: bytes, order: str) -> str:
    if tag.type == ASCII:
        return _cut(value.decode("utf-8", "replace").strip("\0 "))
    if tag.type == UNDEFINED:
        return _describe_bytes(value, order, has_encoding=tag.tag == _USER_COMMENT)
    if tag.type in _FRACTIONS:
        pairs = struct.iter_unpack(order + 2 * _FRACTIONS[tag.type], value)
        return _join([_format_fraction(*pair) for pair in pairs])
    code = _INTEGERS.get(tag.type) or _FLOATS.get(tag.type)
    if code is None:
        return _count_bytes(value)
    return _join(
        [f"{number:g}" if code in "fd" else str(number) for (number,) in struct.iter_unpack(order + code, value)]
    )


def _describe_bytes(value: bytes, order: str, *, has_encoding: bool) -> str:
    """Bytes of no stated meaning: as text where they are text."""
    if has_encoding and value.startswith(b"UNICODE\0"):
        return _cut(value[8:].decode("utf-16-le" if order == "<" else "utf-16-be", "replace").strip("\0 "))
    text = value[8:] if has_encoding and value.startswith(b"ASCII\0\0\0") else value
    text = text.strip(b"\0 ")
    return _cut(text.decode()) if text.isascii() and text.decode().isprintable() else _count_bytes(value)


def _format_fraction(numerator: int, denominator: int) -> str:
    if denominator == 0:
        return f"{numerator}/0"
    value = Fraction(numerator, denominator)
    if value.numerator == 1 and value.denominator > 1:
        return str(value)  # an exposure time: 1/60
    return f"{numerator / denominator:.7g}"


def _join(values: list[str]) -> str:
    shown = ", ".join(values[:_MAX_VALUES])
    return shown if len(values) <= _MAX_VALUES else f"{shown}, ... ({len(values):,} values)"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}... ({len(text):,} characters)"


def _count_bytes(value: bytes) -> str:
    return f"{len(value):,} bytes"


def _name_profile(icc: bytes) -> str:
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc))).strip() or _count_bytes(icc)
    except (ImageCms.PyCMSError, OSError):
        return f"damaged, {_count_bytes(icc)}"
