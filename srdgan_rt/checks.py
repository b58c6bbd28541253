"""Checks of arguments that several parts of the package take."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from srdgan_rt.errors import InputError

MOST_OUTSCALE = 1_000_000
"""The largest enlargement that sizes are computed for; memory ends far below."""


def check_whole(name: str, value: Any, least: int) -> int:
    """Checks a whole number.

    Args:
        name: what the error calls it.
        value: an integer of Python or numpy, below 2^63.
        least: the smallest value that is allowed.

    Raises:
        InputError: it is something else.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not least <= int(value) < 1 << 63:
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def read_roi(roi: Iterable[Any]) -> tuple[int, int, int, int]:
    """The numbers of a region: ``(x, y, width, height)``, any four whole numbers.

    Raises:
        InputError: it is something else.
    """
    try:
        values = [(int(value), value) for value in roi]
        x, y, width, height = (whole for whole, value in values if whole == value)
        if len(values) == 4:
            return x, y, width, height
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"roi must be four whole numbers (x, y, width, height), got {roi!r}")
