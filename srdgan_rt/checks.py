"""Arguments that several parts of the package take: checks, and what a default means."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, TypeGuard

from srdgan_rt.errors import InputError

MOST_OUTSCALE = 1_000_000
"""The largest enlargement that sizes are computed for; memory ends far below."""


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a real number of Python or numpy; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Checks a whole number.

    Args:
        name: what the error calls it.
        value: an integer of Python or numpy, below 2^63.
        least: the smallest value that is allowed.
        most: the largest; None is 2^63 - 1.

    Returns:
        It as an integer of Python.

    Raises:
        InputError: it is something else.
    """
    limit = (1 << 63) - 1 if most is None else most
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) <= limit:
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} must be a whole number {allowed}, got {value!r}")
    return int(value)


def default_cpu_precision(*, fast_bf16: bool) -> str:
    """What the precision ``auto`` means for our own CPU kernels; nobody sees in the result that it is bf16.

    ``fast_products`` in ``csrc/kernels/cpu/l2h_weights.cpp`` says the same to programs in C and C++.

    Args:
        fast_bf16: whether the processor multiplies matrices of bfloat16.
    """
    return "bf16" if fast_bf16 else "fp32"
