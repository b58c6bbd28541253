"""One region of several pictures that show the same scene in different sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from srdgan_rt.errors import InputError
from srdgan_rt.tiling import Box, check_roi

_SAME_SHAPE = 0.02  # ratios of sides that differ by less are equal but for rounding


class Place(NamedTuple):
    """A rectangle in units of the region, which itself is (0, 0, 1, 1)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Part:
    """The part of a picture that shows the region.

    Attributes:
        box: the whole pixels of the picture that cover the region.
        place: where they lie; they may reach beyond the region by a part of a pixel.
    """

    box: Box
    place: Place


def find_part(roi: tuple[int, int, int, int], frame: tuple[int, int], size: tuple[int, int]) -> Part:
    """Finds a region in a picture.

    Args:
        roi: ``(x, y, width, height)`` in pixels of a picture whose height and width are ``frame``.
        frame: see ``roi``.
        size: height and width of the picture to find the region in.

    Raises:
        InputError: the region is empty or not inside ``frame``, or ``size`` has another shape than ``frame``.
    """
    region = check_roi(roi, *frame)
    (frame_height, frame_width), (height, width) = frame, size
    if abs(height * frame_width / (width * frame_height) - 1) >= _SAME_SHAPE:
        raise InputError(
            f"a region needs pictures of one shape: {width} x {height} pixels are not "
            f"{frame_width} x {frame_height} enlarged or reduced"
        )
    columns = _cover(region.x, region.right, frame_width, width)
    rows = _cover(region.y, region.bottom, frame_height, height)
    box = Box(columns.start, rows.start, len(columns), len(rows))
    across, down = frame_width / width / region.width, frame_height / height / region.height
    place = Place(
        columns.start * across - region.x / region.width,
        rows.start * down - region.y / region.height,
        len(columns) * across,
        len(rows) * down,
    )
    return Part(box, place)


def _cover(begin: int, end: int, frame_side: int, side: int) -> range:
    """The pixels of one side that cover begin..end of a side with another number of pixels."""
    return range(begin * side // frame_side, -(-end * side // frame_side))
