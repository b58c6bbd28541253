"""Photographs as phones save them: captured, denoised, sharpened, compressed, often resized and compressed again."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.denoise import bilateral, non_local_means, wavelet
from training.imaging.filters import apply_kernels, blur_chroma, directed_kernels, resize, sharpen
from training.imaging.jpeg import compress_anywhere
from training.imaging.random_source import RandomSource
from training.samples.kind import PhotographKind, make_some_grey, sample_filtered
from training.samples.sources import Sources

_SMALLER = (0.4, 1.0)  # scale factors of messengers and galleries
_LARGER = (1.3, 2.0)  # digital zoom
_SMALLER_ODDS, _LARGER_ODDS, _AGAIN_ODDS = 0.4, 0.2, 0.3


class PhoneISP(PhotographKind):
    """Photographs after a phone's image processing; all in a batch have one kind of denoising and one size."""

    name = "phone_isp"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._cameras = sources.cameras

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = sample_filtered(clean, random)
        size = low.shape[-1]
        side = round(size / _draw_zoom(random))
        # A frame that is reduced afterwards has more detail of the photograph than the small picture.
        frame = resize(clean, side, side) if side > size else resize(low, side, side)
        frame = self._process(self._cameras.capture(self._blur(frame, random), random), frame, random)
        picture = resize(compress_anywhere(frame, 60, 99, random), size, size)
        again = compress_anywhere(picture, 60, 96, random)
        picture = torch.where(random.chance(len(picture), _AGAIN_ODDS), again, picture)
        low, high = make_some_grey(picture, high, self._options.grey, random)
        return round_to_8_bits(low), high

    def _blur(self, frame: Tensor, random: RandomSource) -> Tensor:
        """Slight defocus, or motion in one direction; half of the frames are sharp."""
        count = len(frame)
        width = random.uniform((count,), 0.25, 0.8)
        longer = torch.where(random.uniform((count,)) < 0.3, random.uniform((count,), 1, 2.2), 1.0)
        kernels = directed_kernels(width * longer, width, math.pi * random.uniform((count,)), 3)
        return torch.where(random.chance(count, 0.5), apply_kernels(frame, kernels), frame)

    def _process(self, noisy: Tensor, clean: Tensor, random: RandomSource) -> Tensor:
        """Denoising as strong as the noise or weaker, then sharpening."""
        count = len(noisy)
        noise = (noisy - clean).std((1, 2, 3))
        strength = noise * random.uniform((count,), 0.2, 1.6) + 0.5 / 255
        choice = random.host.integers(4)
        if choice == 0:
            smooth = bilateral(noisy, 4 * strength, float(random.host.uniform(0.8, 2.0)), 2)
        elif choice == 1:
            smooth = non_local_means(noisy, strength, 2)
        elif choice == 2:
            smooth = wavelet(noisy, strength)
        else:
            smooth = noisy  # of the colours only
        smooth = blur_chroma(smooth, random.uniform((count,), 0.5, 3.0), 6)
        amount = torch.where(random.uniform((count,)) < 0.75, random.uniform((count,), 0.1, 1.5), 0.0)
        return sharpen(smooth, amount, random.uniform((count,), 0.6, 1.8), 4)


def _draw_zoom(random: RandomSource) -> float:
    """Final size of the frame over its captured size."""
    chance = random.host.random()
    if chance < _SMALLER_ODDS:
        return float(random.host.uniform(*_SMALLER))
    if chance < _SMALLER_ODDS + _LARGER_ODDS:
        return float(random.host.uniform(*_LARGER))
    return 1.0
