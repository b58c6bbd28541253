"""Converts between pixel arrays (channels last) and planes (channels first)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_planes(pixels: NDArray[Any]) -> Tensor:
    """``(H, W)`` or ``(H, W, C)`` to ``(H, W)`` or ``(C, H, W)`` float64; values unchanged."""
    tensor = torch.from_numpy(pixels.astype(np.float64))
    return tensor.movedim(-1, 0) if tensor.ndim == 3 else tensor


def to_pixels(planes: Tensor) -> NDArray[np.float64]:
    """The inverse of :func:`to_planes`."""
    tensor = planes.movedim(0, -1) if planes.ndim == 3 else planes
    return np.ascontiguousarray(tensor.numpy())
