"""Checks a region that a user gave."""

from __future__ import annotations

from srdgan_rt.checks import read_roi
from srdgan_rt.errors import InputError
from srdgan_rt.tiling.plan import Box


def check_roi(roi: tuple[int, int, int, int] | None, height: int, width: int) -> Box:
    """Checks the wanted region of a picture; None is the whole picture.

    Raises:
        InputError: it is not four whole numbers, is empty, or does not lie inside the picture.
    """
    picture = Box(0, 0, width, height)
    if roi is None:
        return picture
    box = Box(*read_roi(roi))
    if box.width < 1 or box.height < 1 or box.clip(picture) != box:
        raise InputError(f"roi must be a box inside the picture of {width} x {height} pixels, got {tuple(box)}")
    return box
