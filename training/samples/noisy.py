"""Point-sampled pictures with the noise of phones: real noise, and that of the camera model."""

from __future__ import annotations

from torch import Tensor

from training.samples.kind import (
    SAMPLINGS,
    PhotographKind,
    SampleKind,
    make_some_grey,
    round_to_8_bits,
    weaken_noise_colour,
)
from training.samples.random_source import RandomSource
from training.samples.sources import Sources


class PhoneNoise(PhotographKind):
    """Photographs with noise resampled from real phone frames."""

    name = "phone_noise"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._frames = sources.frames
        self._sample = SAMPLINGS[sources.sampling]

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = self._sample(clean)
        noisy = self._frames.resample_noise(low, self._frames.pick(len(low), random), random)
        low, high = make_some_grey(weaken_noise_colour(noisy, low, random), high, random)
        return round_to_8_bits(low), high


class CameraNoise(PhotographKind):
    """Photographs with the noise of a random camera: of cameras that no frame shows."""

    name = "camera_noise"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._cameras = sources.cameras
        self._sample = SAMPLINGS[sources.sampling]

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = self._sample(clean)
        noisy = self._cameras.photograph(low, random, mosaic=False)
        low, high = make_some_grey(weaken_noise_colour(noisy, low, random), high, random)
        return round_to_8_bits(low), high


class PhonePair(SampleKind):
    """Crops of real noisy frames, of which only the clean low-resolution picture is known."""

    name = "phone_pair"
    is_known = False

    def __init__(self, sources: Sources) -> None:
        self._frames = sources.frames

    def make(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`SampleKind.make`, with the clean ``(count, 3, patch, patch)`` in the second place."""
        noisy, clean = self._frames.store.crop(self._frames.pick(count, random), patch, random).split(3, 1)
        low, clean = make_some_grey(weaken_noise_colour(noisy, clean, random), clean, random)
        return round_to_8_bits(low), clean
