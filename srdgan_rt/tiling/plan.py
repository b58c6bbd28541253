"""Plans tiles: the pixels that each tile computes (core) and those that it reads (core and halo).

Halos end at the picture's border. Cores are as equal as integers allow, so that no plan ends in a thin last tile, which
would cost a whole halo for a few pixels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from srdgan_rt.errors import InputError


class Box(NamedTuple):
    """A rectangle of whole pixels, in the order of ``roi=(x, y, w, h)``.

    Args:
        x: first column.
        y: first row.
        width: columns.
        height: rows.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column after the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row after the box."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def grow(self, margin: int) -> Box:
        """The box with ``margin`` more pixels on each side."""
        return Box(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def join(self, other: Box) -> Box:
        """The smallest box around this one and ``other``."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def clip(self, bounds: Box) -> Box:
        """The part of the box that lies inside ``bounds``; the two must overlap."""
        x, y = max(self.x, bounds.x), max(self.y, bounds.y)
        return Box(x, y, min(self.right, bounds.right) - x, min(self.bottom, bounds.bottom) - y)

    def align(self, multiple: int) -> Box:
        """The smallest box around this one whose edges lie at multiples of ``multiple``."""
        x, y = self.x // multiple * multiple, self.y // multiple * multiple
        return Box(x, y, -(-self.right // multiple) * multiple - x, -(-self.bottom // multiple) * multiple - y)


class Tile(NamedTuple):
    """One step of a plan.

    Args:
        core: pixels that the tile computes; the cores of a plan cover each pixel exactly once.
        read: pixels that the tile reads: the core grown by the halo and clipped to the picture.
    """

    core: Box
    read: Box


def _pieces(start: int, size: int, tile: int) -> list[tuple[int, int]]:
    """``(start, size)`` of the pieces of one axis, at most ``tile`` long; sizes differ by one at most."""
    count = -(-size // tile)
    edges = [start + index * size // count for index in range(count + 1)]
    return [(low, high - low) for low, high in pairwise(edges)]


def split_box(box: Box, tile: int) -> list[Box]:
    """Splits a box into nearly equal pieces no wider and no higher than ``tile``, row by row.

    Args:
        box: the box to split, not empty.
        tile: largest side of a piece, at least 1.

    Returns:
        Pieces that cover each pixel of ``box`` exactly once.

    Raises:
        InputError: the tile is smaller than 1 or the box is empty.
    """
    if tile < 1:
        raise InputError(f"tile must be at least 1, got {tile}")
    if box.width < 1 or box.height < 1:
        raise InputError(f"width and height must be at least 1, got {box.width} x {box.height}")
    columns = _pieces(box.x, box.width, tile)
    rows = _pieces(box.y, box.height, tile)
    return [Box(x, y, width, height) for y, height in rows for x, width in columns]


def split_rows(box: Box, rows: int) -> list[Box]:
    """Splits a box into nearly equal bands of its full width and at most ``rows`` rows, from top to bottom.

    Args:
        box: the box to split, not empty.
        rows: largest height of a band, at least 1.

    Returns:
        Bands that cover each pixel of ``box`` exactly once.

    Raises:
        InputError: ``rows`` is smaller than 1 or the box is empty.
    """
    return [Box(box.x, y, box.width, height) for _, y, _, height in split_box(box._replace(width=1), rows)]


def plan_tiles(
    height: int, width: int, tile: int, halo: int, *, roi: Box | None = None, border: int = 0, multiple: int = 1
) -> list[Tile]:
    """Plans the tiles of a picture, or of a region of it.

    Args:
        height: rows of the picture, at least 1.
        width: columns of the picture, at least 1.
        tile: largest side of a core, at least 1.
        halo: pixels read around a core, at least 0, as far as the readable area reaches.
        roi: wanted region, inside the picture; None is the whole picture. Tiles also read pixels around it.
        border: pixels that may be read beyond each side of the picture, where the caller continues it; boxes then begin
            at ``-border``.
        multiple: factor of the network's pixel-unshuffle. Read boxes begin and end at multiples of it, counted from the
            picture's first pixel, and may therefore reach beyond the border, by less than the factor.

    Returns:
        Tiles row by row; their cores cover the region exactly once.

    Raises:
        InputError: a size is out of range or the region is not inside the picture.
    """
    picture, region = _check_region(height, width, halo, border, roi)
    readable = picture.grow(border)
    return [Tile(core, core.grow(halo).clip(readable).align(multiple)) for core in split_box(region, tile)]


def plan_fixed_tiles(
    height: int, width: int, side: int, halo: int, *, roi: Box | None = None, border: int = 0
) -> list[Tile]:
    """Plans tiles that all read boxes of the same size, for engines that prepare memory or kernels for one size.

    Near the picture's border the box is moved inwards instead of being clipped, so that the core is not in its middle.
    A picture that is smaller than the box is read as a whole.

    Args:
        height: rows of the picture, at least 1.
        width: columns of the picture, at least 1.
        side: side of the read box, more than ``2 * halo``; limited by the readable area.
        halo: pixels read around a core, at least 0, except where the readable area ends.
        roi: see :func:`plan_tiles`.
        border: see :func:`plan_tiles`.

    Returns:
        Tiles row by row; their cores cover the region exactly once.

    Raises:
        InputError: a size is out of range or the region is not inside the picture.
    """
    picture, region = _check_region(height, width, halo, border, roi)
    if side <= 2 * halo:
        raise InputError(f"side must be more than twice the halo of {halo}, got {side}")
    readable = picture.grow(border)
    read_width, read_height = min(side, readable.width), min(side, readable.height)
    tiles = []
    for core in split_box(region, side - 2 * halo):
        x = _place(core.x, core.width, read_width, readable.x, readable.right)
        y = _place(core.y, core.height, read_height, readable.y, readable.bottom)
        tiles.append(Tile(core, Box(x, y, read_width, read_height)))
    return tiles


def _place(start: int, size: int, side: int, low: int, high: int) -> int:
    """Start of a window of ``side`` with ``start .. start + size`` in its middle, or as near as the bounds allow."""
    return max(low, min(start - (side - size) // 2, high - side))


def _check_region(height: int, width: int, halo: int, border: int, roi: Box | None) -> tuple[Box, Box]:
    """The picture and the wanted region of it.

    Raises:
        InputError: a size is out of range or the region is not inside the picture.
    """
    for name, value in (("halo", halo), ("border", border)):
        if value < 0:
            raise InputError(f"{name} must be at least 0, got {value}")
    picture = Box(0, 0, width, height)
    region = picture if roi is None else roi
    if region.width >= 1 and region.height >= 1 and region.clip(picture) != region:
        raise InputError(f"roi must lie inside the picture of {width} x {height} pixels, got {tuple(region)}")
    return picture, region
