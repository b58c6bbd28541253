"""Whole frames of a camera: with the noise that demosaicing spreads over neighbouring pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from srdgan_rt.pixels import round_to_8_bits
from training.imaging.filters import resize
from training.imaging.jpeg import compress_anywhere
from training.imaging.random_source import RandomSource
from training.samples.kind import (
    PhotographKind,
    make_some_grey,
    sample_filtered,
    weaken_noise_colour,
)
from training.samples.sources import Sources

_ZOOM = (0.6, 1.5)  # size of the captured frame over its final size
_JPEG_ODDS = 2 / 3


class CameraFrame(PhotographKind):
    """Photographs as whole frames of a random camera, often resized and compressed.

    Half of the frames are captured at another size and resized, as digital zoom and messengers do, so that
    noise is spread over more or fewer pixels. All frames of a batch have the same zoom.
    """

    name = "camera_frame"
    is_noisy = True

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._cameras = sources.noisy_cameras

    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`PhotographKind.degrade`."""
        low, high = sample_filtered(clean, random)
        size = low.shape[-1]
        zoom = math.exp(random.host.uniform(math.log(_ZOOM[0]), math.log(_ZOOM[1])))
        num_zoomed = (len(low) + int(random.host.integers(2))) // 2
        frames = []
        for part, side in ((low[:num_zoomed], round(size * zoom)), (low[num_zoomed:], size)):
            if len(part):
                frame = resize(part, side, side)
                noisy = self._cameras.capture(frame, random)
                noisy = weaken_noise_colour(noisy, frame, self._options.weak_colour, random).clamp(0, 1)
                compressed = compress_anywhere(noisy, 70, 99, random)
                noisy = torch.where(random.chance(len(part), _JPEG_ODDS), compressed, noisy)
                frames.append(resize(noisy, size, size))
        low, high = make_some_grey(torch.cat(frames), high, self._options.grey, random)
        return round_to_8_bits(low), high
