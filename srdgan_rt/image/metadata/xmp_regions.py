"""Updates faces and other regions in XMP, in the schemas of MWG, ACDSee, Microsoft and IPTC."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.xmp import Name, Property, find_field, get_text, list_fields, list_items, remove, set_text

_MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
_ACDSEE = "http://ns.acdsee.com/regions/"
_MICROSOFT = "http://ns.microsoft.com/photo/1.2/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

_REGION_DROPPED = "XMP region dropped: its position cannot be read"


def _drop_unreadable(regions: Iterable[Property], move: Callable[[Property], None]) -> list[str]:
    """Updates regions one by one; removes those that cannot be read, with a note."""
    notes: list[str] = []
    for region in regions:
        try:
            move(region)
        except (ValueError, ZeroDivisionError):
            remove(region)
            notes = [_REGION_DROPPED]
    return notes


def _require(node: Property, *names: str) -> list[Property]:
    fields = [find_field(node, name) for name in names]
    found = [field for field in fields if field is not None]
    if len(found) < len(fields):
        raise ValueError(f"one of {names} is missing")
    return found


def _set_numbers(fields: Iterable[Property], numbers: Iterable[float]) -> None:
    for field, number in zip(fields, numbers, strict=True):
        if not math.isfinite(number):
            raise ValueError(f"coordinates must be finite, got {number}")
        set_text(field, f"{number:.9g}")


def _update_listed_regions(node: Property, transform: GeometricTransform) -> list[str]:
    """Regions of MWG and ACDSee: centre and size of an area, in fractions of the picture."""
    dimensions = find_field(node, "AppliedToDimensions")
    if dimensions is not None:
        width, height = _require(dimensions, "w", "h")
        applied_to = (float(get_text(height)), float(get_text(width)))
        if transform.exchanges_sides and applied_to == transform.before[::-1] != transform.before:
            transform = GeometricTransform(1, applied_to, transform.after)  # they refer to the upright picture
        _set_numbers((width, height), (transform.after[1], transform.after[0]))
    regions = find_field(node, "RegionList")
    if regions is None:
        return []

    def move(region: Property) -> None:
        fields = list_fields(region)
        areas = [field for field in fields if field.localName in ("Area", "DLYArea", "ALGArea")]
        if not areas or (transform.is_turned and any(field.localName == "Rotation" for field in fields)):
            raise ValueError("the region has no area, or one that is rotated by itself")
        for area in areas:
            _map_area(area, transform)

    return _drop_unreadable(list_items(regions), move)


def _map_area(area: Property, transform: GeometricTransform) -> None:
    unit = find_field(area, "unit")
    if unit is None or get_text(unit) != "pixel":
        transform = transform.in_fractions()
    centre = _require(area, "x", "y")
    _set_numbers(centre, transform.map_point(*(float(get_text(field)) for field in centre)))
    if find_field(area, "w") is not None or find_field(area, "h") is not None:
        sides = _require(area, "w", "h")
        _set_numbers(sides, transform.map_lengths(*(float(get_text(field)) for field in sides)))
    diameter = find_field(area, "d")
    if diameter is not None and transform.before != (1, 1):  # relative diameters refer to the shorter side and stay
        length = float(get_text(diameter))
        _set_numbers([diameter], [sum(transform.map_lengths(length, length)) / 2])


def _update_microsoft_regions(node: Property, transform: GeometricTransform) -> list[str]:
    """Regions of Microsoft: "left, top, width, height" in fractions of the picture."""
    regions = find_field(node, "Regions")
    if regions is None:
        return []
    transform = transform.in_fractions()

    def move(region: Property) -> None:
        rectangle = find_field(region, "Rectangle")
        if rectangle is not None:  # a person without a place is legal
            left, top, width, height = (float(number) for number in get_text(rectangle).split(","))
            moved = transform.map_box(left, top, width, height)
            set_text(rectangle, ", ".join(f"{number:.9g}" for number in moved))

    return _drop_unreadable(list_items(regions), move)


def _update_iptc_regions(node: Property, transform: GeometricTransform) -> list[str]:
    """Regions of IPTC: rectangles, circles and polygons, in pixels or in fractions of the picture."""

    def move(region: Property) -> None:
        boundary = find_field(region, "RegionBoundary")
        if boundary is not None:
            _update_boundary(boundary, transform)

    return _drop_unreadable(list_items(node), move)


def _update_boundary(boundary: Property, transform: GeometricTransform) -> None:
    unit, shape = (get_text(field) for field in _require(boundary, "rbUnit", "rbShape"))
    if unit == "relative":
        radius_transform = replace(transform, before=_per_width(transform.before), after=_per_width(transform.after))
        transform = transform.in_fractions()
    elif unit == "pixel":
        radius_transform = transform
    else:
        raise ValueError("rbUnit must be relative or pixel")
    if shape == "rectangle":
        box = _require(boundary, "rbX", "rbY", "rbW", "rbH")
        left, top, width, height = (float(get_text(field)) for field in box)
        _set_numbers(box, transform.map_box(left, top, width, height))
    elif shape == "circle":
        centre, radius = _require(boundary, "rbX", "rbY"), _require(boundary, "rbRx")
        _set_numbers(centre, transform.map_point(*(float(get_text(field)) for field in centre)))
        length = float(get_text(radius[0]))
        _set_numbers(radius, [sum(radius_transform.map_lengths(length, length)) / 2])
    elif shape == "polygon":
        for vertex in list_items(_require(boundary, "rbVertices")[0]):
            point = _require(vertex, "rbX", "rbY")
            _set_numbers(point, transform.map_point(*(float(get_text(field)) for field in point)))
    else:
        raise ValueError("rbShape must be rectangle, circle or polygon")


def _per_width(size: tuple[float, float]) -> tuple[float, float]:
    """A size in units of its width, the unit of IPTC's relative radius."""
    return size[0] / size[1], 1.0


REGION_UPDATERS: dict[Name, Callable[[Property, GeometricTransform], list[str]]] = {
    (_MWG, "Regions"): _update_listed_regions,
    (_ACDSEE, "Regions"): _update_listed_regions,
    (_MICROSOFT, "RegionInfo"): _update_microsoft_regions,
    (_IPTC, "ImageRegion"): _update_iptc_regions,
}
