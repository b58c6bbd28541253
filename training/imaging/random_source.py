"""Random numbers of one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class RandomSource:
    """Random numbers on a device, and a few on the host for values that all samples of a batch share.

    Args:
        seed: decides every number.
        device: where tensors are made.

    Attributes:
        host: generator for sizes and choices that Python needs as numbers, so that it need not wait for a GPU.
    """

    def __init__(self, seed: Sequence[int], device: torch.device) -> None:
        self.device = device
        self.host = np.random.default_rng(tuple(seed))
        self.generator = torch.Generator(device).manual_seed(int(self.host.integers(2**63)))

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        """A tensor of a shape, each value anywhere in [low, high)."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def log_uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """The same, with the logarithm of the values evenly distributed."""
        return self.uniform(shape, math.log(low), math.log(high)).exp()

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal values."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """int64 values of low..high-1."""
        return torch.randint(low, high, shape, generator=self.generator, device=self.device)

    def chance(self, count: int, odds: float) -> Tensor:
        """``(N, 1, 1, 1)`` of truth values, each true with the given odds."""
        return self.uniform((count, 1, 1, 1)) < odds
