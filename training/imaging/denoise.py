"""Denoising as in phones: cheap, vectorised forms of the usual filters.

Pictures are ``(N, 3, H, W)`` RGB in [0, 1], each with a strength of its own; borders are mirrored. OpenCV's filters
are the references of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from training.imaging.filters import pad_mirrored

_SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
# The standard deviation of white noise of 1 in each level of the transform (Starck and Murtagh).
_LEVEL_SPREADS = (0.889, 0.200, 0.086)


def _neighbours(pictures: Tensor, radius: int, *, circle: bool = False) -> Iterator[tuple[int, int, Tensor]]:
    """Every shift of a window (y, x), and the pictures shifted so."""
    height, width = pictures.shape[-2:]
    padded = pad_mirrored(pictures, radius)
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if not circle or y * y + x * x <= radius * radius:
                yield y, x, padded[..., radius + y : radius + y + height, radius + x : radius + x + width]


def bilateral(pictures: Tensor, colour: Tensor, space: float, radius: int) -> Tensor:
    """Bilateral filter, as ``cv2.bilateralFilter``.

    Args:
        pictures: in [0, 1].
        colour: ``(N,)``: standard deviation of the distance of two colours, which is the sum over the channels.
        space: standard deviation in pixels.
        radius: of the window.
    """
    scale = -0.5 / colour.view(-1, 1, 1, 1) ** 2
    total, norm = torch.zeros_like(pictures), torch.zeros_like(pictures[:, :1])
    for y, x, shifted in _neighbours(pictures, radius, circle=True):
        distance = (shifted - pictures).abs().sum(1, keepdim=True)
        weight = torch.exp(distance.square() * scale - 0.5 * (y * y + x * x) / space**2)
        total.addcmul_(weight, shifted)
        norm += weight
    return total / norm


def non_local_means(pictures: Tensor, strength: Tensor, radius: int, patch_radius: int = 1) -> Tensor:
    """Non-local means, as ``cv2.fastNlMeansDenoising`` of a picture with three channels.

    Args:
        pictures: in [0, 1].
        strength: ``(N,)``: OpenCV's h, in the unit of the pictures.
        radius: of the window that is searched.
        patch_radius: of the patches that are compared.
    """
    side = 2 * patch_radius + 1
    scale = -1 / strength.view(-1, 1, 1, 1) ** 2
    height, width = pictures.shape[-2:]
    margin = radius + patch_radius
    padded = pad_mirrored(pictures, margin)
    inner = padded[..., radius : height + radius + 2 * patch_radius, radius : width + radius + 2 * patch_radius]
    total, norm = torch.zeros_like(pictures), torch.zeros_like(pictures[:, :1])
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            top, left = radius + y, radius + x
            shifted = padded[..., top : top + inner.shape[-2], left : left + inner.shape[-1]]
            distance = F.avg_pool2d((shifted - inner).square().mean(1, keepdim=True), side, stride=1)
            weight = torch.exp(distance * scale)
            total.addcmul_(
                weight, shifted[..., patch_radius : patch_radius + height, patch_radius : patch_radius + width]
            )
            norm += weight
    return total / norm


def wavelet(pictures: Tensor, noise: Tensor) -> Tensor:
    """Soft thresholds on the three levels of an undecimated spline transform ("à trous").

    Args:
        pictures: in [0, 1], at least 10 pixels a side.
        noise: ``(N,)``: standard deviation of the noise; smaller coefficients of each level are removed.
    """
    result = torch.zeros_like(pictures)
    smooth = pictures
    for level, spread in enumerate(_LEVEL_SPREADS):
        smoother = _smooth(smooth, 2**level)
        detail = smooth - smoother
        threshold = 1.5 * spread * noise.view(-1, 1, 1, 1)
        result += detail - detail.clamp(-threshold, threshold)
        smooth = smoother
    return result + smooth


def _smooth(pictures: Tensor, step: int) -> Tensor:
    """The spline kernel with its taps ``step`` pixels apart."""
    height, width = pictures.shape[-2:]
    padded = pad_mirrored(pictures, 2 * step)
    rows = sum(tap * padded[..., place * step : place * step + height, :] for place, tap in enumerate(_SPLINE))
    assert isinstance(rows, Tensor)
    result = sum(tap * rows[..., place * step : place * step + width] for place, tap in enumerate(_SPLINE))
    assert isinstance(result, Tensor)
    return result
