"""The base classes of all kinds of training samples, and their common functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.image.resample import resize_bicubic, shift_half_pixel
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.ops import nearest_downsample
from training.imaging.filters import gaussian_blur, luma
from training.imaging.random_source import RandomSource

if TYPE_CHECKING:
    from training.samples.sources import Sources

MARGIN = 2 * SCALE  # high-resolution pixels around a patch that filters may look at, cut off afterwards
_COLOUR_BLUR = 1.5  # sigma in pixels


class SampleKind(ABC):
    """One kind of training sample. A new kind is a subclass in a file of its own and a line in ``KINDS``.

    Args:
        sources: what samples are made from; a kind reads only what it needs.
    """

    name: ClassVar[str]
    """The key in the table ``[batch]`` of a configuration."""
    is_known: ClassVar[bool] = True
    """Whether the high-resolution picture is known. Where it is not, ``make`` gives the clean low-resolution one."""

    @abstractmethod
    def __init__(self, sources: Sources) -> None: ...

    @abstractmethod
    def make(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Makes samples.

        Args:
            count: how many, at least 1.
            patch: low-resolution pixels a side.
            random: draws them.

        Returns:
            ``(count, 3, patch, patch)`` and ``(count, 3, 4 patch, 4 patch)`` RGB in [0, 1], on the centred grid.
        """


class PhotographKind(SampleKind):
    """A kind that is made from clean photographs."""

    is_noisy: ClassVar[bool]
    """Whether the photographs are softened and darkened first, because noise is strongest in the dark."""

    def __init__(self, sources: Sources) -> None:
        self._clean = sources.clean
        self._options = sources.options

    def make(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """As :meth:`SampleKind.make`."""
        clean = self._clean.draw(count, SCALE * patch + 2 * MARGIN, random, noisy=self.is_noisy)
        low, high = self.degrade(clean, random)
        return trim(low, patch), trim(high, SCALE * patch)

    @abstractmethod
    def degrade(self, clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
        """(low, high) of clean pictures ``(N, 3, 4S, 4S)``: ``(N, 3, S, S)`` and ``(N, 3, 4S, 4S)``."""


def trim(pictures: Tensor, size: int) -> Tensor:
    """The middle ``(N, C, size, size)`` of square pictures."""
    margin = (pictures.shape[-1] - size) // 2
    return pictures[..., margin : margin + size, margin : margin + size]


@lru_cache
def _half_pixel_matrix(size: int, device: torch.device) -> Tensor:
    """``(S, S)``: :func:`shift_half_pixel` of a column; as a product it takes a tenth of the time."""
    return shift_half_pixel(torch.eye(size)[..., None])[..., 0].T.to(device)


@lru_cache
def _bicubic_matrix(size: int, device: torch.device) -> Tensor:
    """``(S / 4, S)``: MATLAB's bicubic of a column."""
    return resize_bicubic(torch.eye(size), size // SCALE, size).to(device)


def sample_nearest(clean: Tensor) -> tuple[Tensor, Tensor]:
    """(low, high) of pictures ``(N, 3, 4S, 4S)``: samples ``[4i + 2]``, and the pictures moved by half a pixel."""
    shift = _half_pixel_matrix(clean.shape[-1], clean.device)
    return nearest_downsample(clean, SCALE), (shift @ clean @ shift.T).clamp(0, 1)


def sample_bicubic(clean: Tensor) -> tuple[Tensor, Tensor]:
    """(low, high) by MATLAB's bicubic."""
    matrix = _bicubic_matrix(clean.shape[-1], clean.device)
    return (matrix @ clean @ matrix.T).clamp(0, 1), clean


def sample_area(clean: Tensor) -> tuple[Tensor, Tensor]:
    """(low, high) by the mean of each block."""
    return F.avg_pool2d(clean, SCALE), clean


SAMPLINGS = {"nearest": sample_nearest, "bicubic": sample_bicubic, "area": sample_area}


def sample_filtered(clean: Tensor, random: RandomSource) -> tuple[Tensor, Tensor]:
    """(low, high) by bicubic, one in five by area."""
    by_area = random.chance(len(clean), 0.2)
    return torch.where(by_area, sample_area(clean)[0], sample_bicubic(clean)[0]), clean


def weaken_noise_colour(noisy: Tensor, clean: Tensor, odds: float, random: RandomSource) -> Tensor:
    """Weakens the colour of the noise of some pictures, as phones do: its chroma is blurred, scaled or both.

    Args:
        noisy: ``(N, 3, H, W)``, H and W above 4.
        clean: the same without noise.
        odds: part of the pictures, 0 to 1.
        random: draws which, and how much is left.

    Returns:
        The same shape.
    """
    noise = noisy - clean
    plane = luma(noise)
    chroma = noise - plane
    left = random.uniform((len(noisy), 1, 1, 1))
    blurred = gaussian_blur(chroma, torch.full((len(noisy),), _COLOUR_BLUR, device=noisy.device), 4)
    weak = torch.where(random.chance(len(noisy), 0.5), blurred, chroma) * left.square()
    return torch.where(random.chance(len(noisy), odds), clean + plane + weak, noisy)


def make_some_grey(low: Tensor, high: Tensor, odds: float, random: RandomSource) -> tuple[Tensor, Tensor]:
    """Makes this part of the samples, 0 to 1, grey, noise included: R = G = B, as in grey files."""
    grey = random.chance(len(low), odds)
    return torch.where(grey, luma(low), low), torch.where(grey, luma(high), high)
