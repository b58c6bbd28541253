"""Updates XMP after the pixels were turned or enlarged.

Sizes, positions and resolutions of known schemas get their new values. Properties about auxiliary data that the result
does not have (a video, a gain map, a depth map) are removed. Everything else stays.
"""

from __future__ import annotations

import re
from fractions import Fraction
from xml.dom.minidom import Document

from srdgan_rt.image.metadata.exif_update import map_area, scale_densities
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.xmp import (
    Name,
    Property,
    get_name,
    get_text,
    list_items,
    list_properties,
    parse,
    remove,
    serialise,
    set_text,
)
from srdgan_rt.image.metadata.xmp_auxiliary import find_auxiliary
from srdgan_rt.image.metadata.xmp_regions import REGION_UPDATERS

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_GPANO = "http://ns.google.com/photos/1.0/panorama/"
_CAMERA_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
_FORMAT = ("http://purl.org/dc/elements/1.1/", "format")
# How a file stores its pixels, which does not apply to the result.
_ENCODING = tuple(
    (_TIFF, name)
    for name in (
        "BitsPerSample",
        "Compression",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "SamplesPerPixel",
        "YCbCrPositioning",
        "YCbCrSubSampling",
    )
)
_WIDTHS = ((_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension"), (_EXIF, "RelatedImageWidth"))
_HEIGHTS = ((_TIFF, "ImageLength"), (_EXIF, "PixelYDimension"), (_EXIF, "RelatedImageLength"))
_PANORAMA_WIDTHS = (
    "FullPanoWidthPixels",
    "CroppedAreaImageWidthPixels",
    "CroppedAreaLeftPixels",
    "LargestValidInteriorRectLeft",
    "LargestValidInteriorRectWidth",
)
_PANORAMA_HEIGHTS = (
    "FullPanoHeightPixels",
    "CroppedAreaImageHeightPixels",
    "CroppedAreaTopPixels",
    "LargestValidInteriorRectTop",
    "LargestValidInteriorRectHeight",
)

_SUBJECT_AREA, _SUBJECT_LOCATION = (_EXIF, "SubjectArea"), (_EXIF, "SubjectLocation")

_UNREADABLE = "XMP {} dropped: its value cannot be read"
_PANORAMA_TURNED = "XMP panorama description dropped: the picture was turned"
_CROP_TURNED = "XMP crop settings dropped: the picture was turned"
_ONLY_A_REGION = "XMP {} dropped: only a region of the picture is left"


def update_xmp(packet: bytes, transform: GeometricTransform) -> tuple[bytes, list[str]]:
    """Updates a packet.

    Args:
        packet: XMP packet.
        transform: how the pixels were changed.

    Returns:
        The packet, unchanged byte for byte where nothing had to be updated; and notes about what was removed.

    Raises:
        DamagedXmpError: the packet cannot be parsed, so it cannot be updated.
    """
    document = parse(packet)
    before, notes = serialise(document), []
    for node in list_properties(document):
        reasons = _find_reasons_to_remove(node, transform)
        if reasons is None:
            try:
                notes += _update_property(node, transform)
            except (ValueError, ZeroDivisionError, OverflowError):
                reasons = [_UNREADABLE.format(node.nodeName)]
        if reasons is not None:
            remove(node)
            notes += reasons
    notes += _update_resolutions(document, transform)
    after = serialise(document)
    return packet if after == before else after, list(dict.fromkeys(notes))


def set_format(packet: bytes, mime_type: str) -> bytes:
    """Sets ``dc:format``, where a packet has it, to the format of the file that the packet is written to."""
    document = parse(packet)
    changed = [node for node in list_properties(document) if get_name(node) == _FORMAT and get_text(node) != mime_type]
    for node in changed:
        set_text(node, mime_type)
    return serialise(document) if changed else packet


def _find_reasons_to_remove(node: Property, transform: GeometricTransform) -> list[str] | None:
    """Notes for a property that has to be removed, empty if no note is needed; None if it stays."""
    name = get_name(node)
    if transform.is_turned and name[0] == _GPANO:
        return [_PANORAMA_TURNED]
    if transform.is_turned and name[0] == _CAMERA_RAW and name[1].startswith("Crop"):
        return [_CROP_TURNED]
    if transform.is_crop and _names_places(name):
        return [_ONLY_A_REGION.format(node.nodeName)]
    if name in _ENCODING:
        return []
    return find_auxiliary(name, node)


def _names_places(name: Name) -> bool:
    """Whether a property holds places in the whole picture."""
    is_crop_setting = name[0] == _CAMERA_RAW and name[1].startswith("Crop")
    return name in REGION_UPDATERS or name in (_SUBJECT_AREA, _SUBJECT_LOCATION) or name[0] == _GPANO or is_crop_setting


def _update_property(node: Property, transform: GeometricTransform) -> list[str]:
    """Updates a property that holds sizes or positions; returns notes about what had to be removed inside it."""
    name = get_name(node)
    if name in REGION_UPDATERS:
        return REGION_UPDATERS[name](node, transform)
    if name in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        _update_subject(node, transform)
    else:
        number = _find_new_number(name, node, transform)
        if number is not None:
            set_text(node, str(number))
    return []


def _find_new_number(name: Name, node: Property, transform: GeometricTransform) -> int | None:
    """The new value of a property that holds a size of the picture; None for other properties."""
    if name == (_TIFF, "Orientation"):
        return 1
    if name in _WIDTHS:
        return round(transform.after[1])
    if name in _HEIGHTS:
        return round(transform.after[0])
    if name[0] == _GPANO and name[1] in _PANORAMA_WIDTHS:
        return round(transform.map_lengths(float(get_text(node)), 0)[0])
    if name[0] == _GPANO and name[1] in _PANORAMA_HEIGHTS:
        return round(transform.map_lengths(0, float(get_text(node)))[1])
    return None


def _update_subject(node: Property, transform: GeometricTransform) -> None:
    items = list_items(node)
    texts = [get_text(item) for item in items] if items else get_text(node).replace(",", " ").split()
    moved = map_area([float(text) for text in texts], transform)
    if moved is None:
        raise ValueError("a subject area has 2 to 4 numbers")
    if not items:
        set_text(node, " ".join(str(value) for value in moved))
    for item, value in zip(items, moved, strict=False):
        set_text(item, str(value))


def _update_resolutions(document: Document, transform: GeometricTransform) -> list[str]:
    """Updates resolutions; a turn by 90 degrees exchanges the horizontal and the vertical one."""
    properties = {get_name(node): node for node in list_properties(document)}
    notes = []
    for names, scale in (
        (((_EXIF, "FocalPlaneXResolution"), (_EXIF, "FocalPlaneYResolution")), scale_densities),
        (((_TIFF, "XResolution"), (_TIFF, "YResolution")), _exchange),
    ):
        found = [properties[name] for name in names if name in properties]
        if not found:
            continue
        try:
            x, y = (_read_fraction(get_text(node)) for node in found)
            for node, old, new in zip(found, (x, y), scale(x, y, transform), strict=True):
                if new != old:
                    set_text(node, f"{new.numerator}/{new.denominator}")
        except (ValueError, ZeroDivisionError):
            for node in found:
                remove(node)
            notes.append(_UNREADABLE.format(found[0].nodeName))
    return notes


def _read_fraction(text: str) -> Fraction:
    if not re.fullmatch(
        r"\d{1,10}(\.\d{1,20}|/\d{1,10})?", text.strip()
    ):  # no exponents: 1e999999999 has too many digits
        raise ValueError("not a positive fraction")
    return Fraction(text.strip())


def _exchange(x: Fraction, y: Fraction, transform: GeometricTransform) -> tuple[Fraction, Fraction]:
    return (y, x) if transform.exchanges_sides else (x, y)
