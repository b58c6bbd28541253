"""Pictures without noise: point-sampled, reduced with a filter, and compressed."""

from __future__ import annotations

import torch
from torch import Tensor

from training.imaging.filters import resize
from training.imaging.jpeg import compress_jpeg
from training.samples.kind import PhotographKind, round_to_8_bits, sample_filtered, sample_nearest
from training.samples.random_source import RandomSource

_DARK_ODDS = 0.1
_FINE_ODDS = 0.3  # of more than 8 bits


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


class CleanJPEG(PhotographKind):
    """Photographs reduced with a filter and compressed; one in three twice, with another size in between."""

    name = "clean_jpeg"
    is_noisy = False

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = sample_filtered(clean, random)
        if random.host.random() < 1 / 3:
            size = low.shape[-1]
            other = round(size * float(random.host.uniform(0.7, 1.6)))
            low = resize(compress_anywhere(resize(low, other, other), 60, 96, random), size, size)
        return compress_anywhere(low, 30, 96, random), high


def compress_anywhere(pictures: Tensor, lowest: int, end: int, random: RandomSource) -> Tensor:
    """What JPEG leaves of pictures ``(N, 3, H, W)``, their blocks anywhere.

    Args:
        pictures: in [0, 1].
        lowest: quality, 1..100.
        end: of the qualities, itself never taken.
        random: draws quality and the place of the blocks.
    """
    top, left = (int(shift) for shift in random.host.integers(16, size=2))
    quality = random.integers(lowest, end, (len(pictures),))
    padded = torch.nn.functional.pad(pictures, (left, 0, top, 0), "replicate")
    return compress_jpeg(padded, quality)[..., top:, left:]


def _darken_some(clean: Tensor, random: RandomSource) -> Tensor:
    """Some pictures as dark as deep shadows are: down to a level of 16 bits."""
    light = random.log_uniform((len(clean), 1, 1, 1), 1e-3, 1.0)
    return torch.where(random.chance(len(clean), _DARK_ODDS), clean * light, clean)


def _round_most(low: Tensor, high: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
    """To 8 bits, but for those that stand for pictures of 16."""
    return torch.where(random.chance(len(low), _FINE_ODDS), low, round_to_8_bits(low)), high
