"""Noise without colour, with grain finer or coarser than a pixel: film, grey files, and what denoising leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.filters import gaussian_blur, luma, spread_of_blur
from training.imaging.jpeg import compress_anywhere
from training.imaging.random_source import RandomSource
from training.samples.kind import PhotographKind, make_some_grey, sample_filtered

_RADIUS = 5
_SIZES = (0.3, 2.0)  # sigma of the grain in pixels
_STRENGTHS = (1 / 255, 30 / 255)
_JPEG_ODDS = 0.3


class Grain(PhotographKind):
    """Photographs with Gaussian grain, mostly the same in all channels."""

    name = "grain"
    is_noisy = True

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = sample_filtered(clean, random)
        count = len(low)
        size = random.uniform((count,), *_SIZES)
        white = random.normal(low.shape)
        white = torch.where(random.chance(count, 0.7), white[:, :1], white)
        grain = gaussian_blur(white, size, _RADIUS) / spread_of_blur(size, _RADIUS).view(-1, 1, 1, 1)
        strength = random.log_uniform((count, 1, 1, 1), *_STRENGTHS)
        # Between constant noise and noise that grows with the light, as shot noise does.
        growth = random.uniform((count, 1, 1, 1))
        noisy = (low + strength * (1 - growth + growth * luma(low).sqrt()) * grain).clamp(0, 1)
        noisy = torch.where(random.chance(count, _JPEG_ODDS), compress_anywhere(noisy, 70, 99, random), noisy)
        low, high = make_some_grey(noisy, high, self._options.grey, random)
        return round_to_8_bits(low), high
