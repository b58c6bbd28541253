"""Checks of arguments that several parts of the package take."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard

from srdgan_rt.errors import InputError

MOST_OUTSCALE = 1_000_000
"""The largest enlargement that sizes are computed for; memory ends far below."""


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a real number of Python or numpy; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_whole(name: str, value: Any, least: int) -> int:
    """Checks a whole number.

    Args:
        name: what the error calls it.
        value: an integer of Python or numpy, below 2^63.
        least: the smallest value that is allowed.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) < 1 << 63:
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def read_roi(roi: Iterable[Any]) -> tuple[int, int, int, int]:
    """The numbers of a region: ``(x, y, width, height)``, any four whole numbers.

    Raises:
        InputError: it is something else.
    """
    try:
        values = list(roi)
        x, y, width, height = map(int, values)
        is_whole = [x, y, width, height] == values
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise InputError(f"roi must be four whole numbers (x, y, width, height), got {roi!r}")
    return x, y, width, height
