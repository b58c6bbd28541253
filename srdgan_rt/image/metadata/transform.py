"""The geometric transform from the old pixels to the new ones, applied to positions and lengths in metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class GeometricTransform:
    """Turns a picture by an EXIF orientation, then resizes it; or cuts a region out of it.

    The origin of coordinates is the top left corner; x points right, y down.

    Attributes:
        orientation: 1..8, see :func:`srdgan_rt.image.orientation.turn`.
        before: height and width of the old picture, in the unit of the coordinates.
        after: height and width of the new picture.
        is_crop: the new picture is a region of the old one, in the same resolution. ``before`` is then the size of the
            region, and places in the old picture cannot be mapped.
    """

    orientation: int
    before: tuple[float, float]
    after: tuple[float, float]
    is_crop: bool = False

    @property
    def is_turned(self) -> bool:
        return self.orientation != 1

    @property
    def exchanges_sides(self) -> bool:
        """Whether rows become columns; this comes first, mirroring second."""
        return self.orientation >= 5

    @property
    def mirrors_rows(self) -> bool:
        return self.orientation in (3, 4, 7, 8)

    @property
    def mirrors_columns(self) -> bool:
        return self.orientation in (2, 3, 6, 7)

    def in_fractions(self) -> GeometricTransform:
        """The same transform for coordinates that are fractions of width and height."""
        return replace(self, before=(1, 1), after=(1, 1))

    def map_point(self, x: float, y: float) -> tuple[float, float]:
        """The position of a point (x, y) in the new picture."""
        x, y = x / self.before[1], y / self.before[0]
        if self.exchanges_sides:
            x, y = y, x
        if self.mirrors_columns:
            x = 1 - x
        if self.mirrors_rows:
            y = 1 - y
        return x * self.after[1], y * self.after[0]

    def map_lengths(self, width: float, height: float) -> tuple[float, float]:
        """Width and height in the new picture; pixels per millimetre are mapped in the same way."""
        width, height = width / self.before[1], height / self.before[0]
        if self.exchanges_sides:
            width, height = height, width
        return width * self.after[1], height * self.after[0]

    def map_box(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """The box in the new picture: left, top, width, height."""
        x, y = self.map_point(left + width / 2, top + height / 2)
        width, height = self.map_lengths(width, height)
        return x - width / 2, y - height / 2, width, height
