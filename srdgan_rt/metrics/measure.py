"""Further columns of an evaluation, beside PSNR and SSIM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredPair:
    """A result and its reference, in the forms in which they are scored; values in 0..255."""

    result: NDArray[np.uint8]
    """The whole result, ``(H, W, 3)`` or ``(H, W)``."""
    pictures: tuple[NDArray[Any], NDArray[Any]]
    """Result and reference without the border, ``(H, W, 3)`` or ``(H, W)``; block means where the protocol averages."""
    planes: tuple[NDArray[Any], NDArray[Any]]
    """The scored channel of ``pictures``: ``(H, W)``, or ``(H, W, 3)`` for RGB."""


@dataclass(frozen=True)
class Measure:
    """A column: what is measured on each result, and how the results of many pictures are summarised."""

    name: str
    """Heading of the column; with underscores for spaces, the key in JSON."""
    measure: Callable[[ScoredPair], float | None]
    """The value; None where a picture has none."""
    summarise: Callable[[Sequence[float]], float]
    """The value of several pictures, at least one."""
    digits: int
    """Decimals in a table."""
