"""Point-sampled pictures with the noise of the camera model."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.random_source import RandomSource
from training.samples.kind import SAMPLINGS, PhotographKind, make_some_grey, weaken_noise_colour
from training.samples.sources import Sources


class CameraNoise(PhotographKind):
    """Photographs with the noise of a random camera, also of cameras of which there are no frames."""

    name = "camera_noise"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._cameras = sources.cameras
        self._sample = SAMPLINGS[sources.options.sampling]

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = self._sample(clean)
        noisy = self._cameras.capture(low, random, mosaic=False)
        noisy = weaken_noise_colour(noisy, low, self._options.weak_colour, random)
        low, high = make_some_grey(noisy, high, self._options.grey, random)
        return round_to_8_bits(low), high
