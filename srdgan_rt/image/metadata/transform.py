"""How a picture's frame changes on its way: what every place and length in its metadata must follow."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class GeometricTransform:
    """A turn by an EXIF orientation, then a change of size.

    Coordinates count from the top left corner, x to the right and y downwards.

    Attributes:
        orientation: 1..8, see :func:`srdgan_rt.image.orientation.turn`.
        before: height and width before the turn, in the unit of the coordinates.
        after: height and width at the end.
    """

    orientation: int
    before: tuple[float, float]
    after: tuple[float, float]

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
        """The same turn for coordinates that are fractions of width and height."""
        return replace(self, before=(1, 1), after=(1, 1))

    def map_point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the old picture lies in the new one."""
        x, y = x / self.before[1], y / self.before[0]
        if self.exchanges_sides:
            x, y = y, x
        if self.mirrors_columns:
            x = 1 - x
        if self.mirrors_rows:
            y = 1 - y
        return x * self.after[1], y * self.after[0]

    def map_lengths(self, width: float, height: float) -> tuple[float, float]:
        """What a width and a height become; pixels per millimetre behave in the same way."""
        width, height = width / self.before[1], height / self.before[0]
        if self.exchanges_sides:
            width, height = height, width
        return width * self.after[1], height * self.after[0]

    def map_box(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Where a box lies in the new picture: left, top, width, height."""
        x, y = self.map_point(left + width / 2, top + height / 2)
        width, height = self.map_lengths(width, height)
        return x - width / 2, y - height / 2, width, height
