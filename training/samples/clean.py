"""Pictures without noise: point-sampled, or reduced with a filter."""

from __future__ import annotations

import torch
from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.random_source import RandomSource
from training.samples.kind import PhotographKind, sample_filtered, sample_nearest

_DARK_ODDS = 0.1
_FINE_ODDS = 0.3  # of pictures with more than 8 bits


class CleanNearest(PhotographKind):
    """Point-sampled photographs, some of them very dark or of 16 bits."""

    name = "clean_nearest"
    is_noisy = False

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        return _round_most(*sample_nearest(_darken_some(clean, random)), random)


class CleanBicubic(PhotographKind):
    """Photographs reduced with a filter, some of them very dark or of 16 bits."""

    name = "clean_bicubic"
    is_noisy = False

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        return _round_most(*sample_filtered(_darken_some(clean, random), random), random)


def _darken_some(clean: Tensor, random: RandomSource) -> Tensor:
    """Darkens some pictures like deep shadows, down to a thousandth."""
    light = random.log_uniform((len(clean), 1, 1, 1), 1e-3, 1.0)
    return torch.where(random.chance(len(clean), _DARK_ODDS), clean * light, clean)


def _round_most(low: Tensor, high: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
    """Rounds most pictures to 8 bits; the others stand for 16-bit pictures."""
    return torch.where(random.chance(len(low), _FINE_ODDS), low, round_to_8_bits(low)), high
