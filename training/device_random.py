"""Random tensors made where the batch is."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """A tensor of a shape, each value anywhere in [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def chance(count: int, odds: float, generator: torch.Generator) -> Tensor:
    """``(N, 1, 1, 1)`` of truth values, each true with the given odds."""
    return uniform((count, 1, 1, 1), 0, 1, generator) < odds
