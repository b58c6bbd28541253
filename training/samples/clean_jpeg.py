"""Compressed pictures without noise, as on the web."""

from __future__ import annotations

from torch import Tensor

from training.imaging.filters import resize
from training.imaging.jpeg import compress_anywhere
from training.imaging.random_source import RandomSource
from training.samples.kind import PhotographKind, sample_filtered


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
