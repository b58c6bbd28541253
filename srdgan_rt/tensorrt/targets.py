"""GPUs that an engine can be built for, as compute capabilities ``sm75`` to ``sm120``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from srdgan_rt.errors import InputError

if TYPE_CHECKING:
    import torch

RTX_TARGETS = {"sm75": 1, "sm80": 2, "sm86": 4, "sm89": 8, "sm120": 16}
"""What TensorRT-RTX builds for without a GPU, and the bit of each in the header of an engine."""

PRECISIONS = ("fp16", "bf16", "fp32", "int8", "fp8")
"""Types of an engine, the most useful one first."""

_OLDEST = {"bf16": 80, "int8": 80, "fp8": 89}  # numbers of the compute capabilities; all have the others


def parse_targets(text: str) -> tuple[str, ...]:
    """``sm80,sm86`` as sorted names without repetition.

    Raises:
        InputError: a name is unknown.
    """
    names = [part.strip().lower() for part in text.split(",")]
    for name in names:
        if name not in RTX_TARGETS:
            raise InputError(f"--arch must be of {', '.join(RTX_TARGETS)}, with commas between them, got {name!r}")
    return sort_targets(names)


def sort_targets(names: Iterable[str]) -> tuple[str, ...]:
    """Names from the oldest to the newest, without repetition."""
    return tuple(sorted(set(names), key=_number))


def list_targets(precision: str) -> tuple[str, ...]:
    """All targets that have a precision.

    Raises:
        InputError: the precision is unknown.
    """
    check_precision(precision, ())
    return tuple(name for name in RTX_TARGETS if _has(name, precision))


def check_precision(precision: str, targets: Iterable[str]) -> None:
    """Refuses a precision that one of the targets lacks, for which the whole build would fail.

    Raises:
        InputError: the precision is unknown, or a target does not have it.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision must be {', '.join(PRECISIONS)}, got {precision!r}")
    if lacking := [name for name in targets if not _has(name, precision)]:
        raise InputError(f"{precision} needs sm{_OLDEST[precision]} or newer, got {', '.join(lacking)}")


def _has(name: str, precision: str) -> bool:
    return _number(name) >= _OLDEST.get(precision, 0)


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name))


def name_target(device: torch.device) -> str:
    """The compute capability of a CUDA device, such as ``sm89``."""
    import torch  # only here: the command line checks its arguments without it

    major, minor = torch.cuda.get_device_capability(device)
    return f"sm{major}{minor}"
