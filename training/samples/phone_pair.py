"""Pairs of a real noisy frame and its clean version."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.random_source import RandomSource
from training.samples.kind import SampleKind, make_some_grey, weaken_noise_colour
from training.samples.sources import Sources


class PhonePair(SampleKind):
    """Crops of real noisy frames, of which only the clean low-resolution picture is known."""

    name = "phone_pair"
    is_known = False

    def __init__(self, sources: Sources) -> None:
        self._frames = sources.frames
        self._options = sources.options

    def make(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`SampleKind.make`, with the clean ``(count, 3, patch, patch)`` in the second place."""
        noisy, clean = self._frames.store.crop(self._frames.pick(count, random), patch, random).split(3, 1)
        noisy = weaken_noise_colour(noisy, clean, self._options.weak_colour, random)
        low, clean = make_some_grey(noisy, clean, self._options.grey, random)
        return round_to_8_bits(low), clean
