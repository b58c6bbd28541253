"""GMSR: photographs, and their degradation by a high-to-low net (section 3.2)."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.random_source import RandomSource
from training.samples.kind import PhotographKind, make_some_grey, sample_nearest, weaken_noise_colour
from training.samples.sources import Sources


class GMSR(PhotographKind):
    """Pairs from a folder if there is one, else made by the net when they are needed."""

    name = "gmsr"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        self._pairs = sources.gmsr_pairs
        if self._pairs is None:
            super().__init__(sources)
            self._net = sources.h2l

    def make(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`SampleKind.make`."""
        return super().make(count, patch, random) if self._pairs is None else self._pairs.crop(count, patch, random)

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        samples, high = sample_nearest(clean)
        noisy = self._net.degrade(clean, random)
        noisy = weaken_noise_colour(noisy, samples, self._options.weak_colour, random)
        low, high = make_some_grey(noisy, high, self._options.grey, random)
        return round_to_8_bits(low), high
