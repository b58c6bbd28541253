"""Point-sampled pictures with the noise of real phone frames."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.random_source import RandomSource
from training.samples.kind import SAMPLINGS, PhotographKind, make_some_grey, weaken_noise_colour
from training.samples.sources import Sources


class PhoneNoise(PhotographKind):
    """Photographs with noise resampled from real phone frames."""

    name = "phone_noise"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._frames = sources.frames
        self._sample = SAMPLINGS[sources.options.sampling]

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = self._sample(clean)
        noisy = self._frames.resample_noise(low, self._frames.pick(len(low), random), random)
        noisy = weaken_noise_colour(noisy, low, self._options.weak_colour, random)
        low, high = make_some_grey(noisy, high, self._options.grey, random)
        return round_to_8_bits(low), high
