"""Checks a region that a user gave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from srdgan_rt.errors import InputError
from srdgan_rt.tiling.plan import Box


def check_roi(roi: Iterable[Any] | None, height: int, width: int) -> Box:
    """Checks the wanted region of a picture; None is the whole picture.

    Args:
        roi: ``(x, y, width, height)``, whole numbers of any type.
        height: rows of the picture.
        width: columns of the picture.

    Raises:
        InputError: it is not four whole numbers, is empty, or does not lie inside the picture.
    """
    picture = Box(0, 0, width, height)
    if roi is None:
        return picture
    box = _read_box(roi)
    if box.width < 1 or box.height < 1 or box.clip(picture) != box:
        raise InputError(f"roi must be a box inside the picture of {width} x {height} pixels, got {tuple(box)}")
    return box


def _read_box(roi: Iterable[Any]) -> Box:
    try:
        values = list(roi)
        x, y, width, height = map(int, values)
        is_whole = [x, y, width, height] == values
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise InputError(f"roi must be four whole numbers (x, y, width, height), got {roi!r}")
    return Box(x, y, width, height)
