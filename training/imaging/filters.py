"""Blurring and sharpening of pictures ``(N, C, H, W)``, each with a strength of its own; borders are mirrored."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.metrics.protocol import PHASE, SCALE
from srdgan_rt.runtime.pixels import reflect_indices

LUMA = (0.299, 0.587, 0.114)  # BT.601


def pad_mirrored(pictures: Tensor, margin: int) -> Tensor:
    """``(N, C, H, W)`` with ``margin`` more pixels on each side, mirrored as often as a small picture needs."""
    height, width = pictures.shape[-2:]
    if margin < min(height, width):
        return F.pad(pictures, (margin,) * 4, "reflect")
    rows, columns = (
        torch.from_numpy(reflect_indices(-margin, length + margin, length)).to(pictures.device)
        for length in (height, width)
    )
    return pictures[..., rows, :][..., columns]


def luma(pictures: Tensor) -> Tensor:
    """``(N, 1, H, W)`` of RGB pictures ``(N, 3, H, W)``, any range."""
    weights = torch.tensor(LUMA, device=pictures.device).view(-1, 1, 1)
    return (weights * pictures).sum(1, keepdim=True)


def gaussian_taps(sigma: Tensor, radius: int) -> Tensor:
    """``(N, 2 * radius + 1)``, each row summing to 1; ``sigma`` is ``(N,)`` in pixels, above 0."""
    steps = torch.arange(-radius, radius + 1, device=sigma.device)
    taps = torch.exp(-0.5 * (steps / sigma[:, None]) ** 2)
    return taps / taps.sum(1, keepdim=True)


def gaussian_blur(pictures: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur.

    Args:
        pictures: ``(N, C, H, W)``.
        sigma: ``(N,)`` in pixels, above 0.
        radius: where the kernel ends, in pixels.

    Returns:
        The same shape.
    """
    count, channels, *sides = pictures.shape
    taps = gaussian_taps(sigma, radius).repeat_interleave(channels, 0)[:, None, None]  # (N C, 1, 1, taps)
    planes = pad_mirrored(pictures.reshape(1, count * channels, *sides), radius)
    return F.conv2d(F.conv2d(planes, taps, groups=len(taps)), taps.mT, groups=len(taps)).view_as(pictures)


def directed_kernels(length: Tensor, width: Tensor, angle: Tensor, radius: int) -> Tensor:
    """Kernels of an elongated Gaussian: defocus if length equals width, motion if it is larger.

    Args:
        length: ``(N,)`` standard deviation along the direction in pixels, above 0.
        width: ``(N,)`` across it.
        angle: ``(N,)`` in radians.
        radius: where the kernels end, in pixels.

    Returns:
        ``(N, 2 * radius + 1, 2 * radius + 1)``, each summing to 1.
    """
    steps = torch.arange(-radius, radius + 1, device=length.device, dtype=length.dtype)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along = cosine * steps + sine * steps[:, None]
    across = cosine * steps[:, None] - sine * steps
    kernels = torch.exp(-0.5 * ((along / length[:, None, None]) ** 2 + (across / width[:, None, None]) ** 2))
    return kernels / kernels.sum((1, 2), keepdim=True)


def apply_kernels(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Filters each picture by its own kernel ``(N, K, K)``, K odd; correlation, as ``cv2.filter2D`` does."""
    count, channels, *sides = pictures.shape
    radius = kernels.shape[-1] // 2
    planes = pad_mirrored(pictures.reshape(1, count * channels, *sides), radius)
    filters = kernels.repeat_interleave(channels, 0)[:, None]
    return F.conv2d(planes, filters, groups=len(filters)).view_as(pictures)


def sharpen(pictures: Tensor, amount: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Unsharp masking of the luma, which leaves halos beside edges.

    Args:
        pictures: ``(N, 3, H, W)`` RGB in [0, 1].
        amount: ``(N,)`` times the difference to the blurred luma is added.
        sigma: ``(N,)`` of the blur in pixels.
        radius: where the blur ends.

    Returns:
        The same shape, clipped to [0, 1].
    """
    plane = luma(pictures)
    return (pictures + amount.view(-1, 1, 1, 1) * (plane - gaussian_blur(plane, sigma, radius))).clamp(0, 1)


def blur_chroma(pictures: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Blurs the chroma of pictures ``(N, 3, H, W)``, as phones do against coloured noise."""
    plane = luma(pictures)
    return plane + gaussian_blur(pictures - plane, sigma, radius)


def resize(pictures: Tensor, height: int, width: int) -> Tensor:
    """Pictures ``(N, C, H, W)`` in [0, 1] at another size, by a bicubic filter that does not alias."""
    if pictures.shape[-2:] == (height, width):
        return pictures
    return F.interpolate(pictures, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def enlarge_samples(pictures: Tensor) -> Tensor:
    """``srdgan_rt.image.enlarge_samples`` of pictures ``(N, C, H, W)``, by 4."""
    rows, columns = (
        (torch.arange(SCALE * side, device=pictures.device) - PHASE) / SCALE for side in pictures.shape[-2:]
    )
    y, x = (2 * places / (side - 1) - 1 for places, side in zip((rows, columns), pictures.shape[-2:], strict=True))
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], -1).expand(len(pictures), -1, -1, -1)
    enlarged = F.grid_sample(pictures, grid, mode="bicubic", padding_mode="reflection", align_corners=True)
    return enlarged.clamp(0, 1)


def spread_of_blur(sigma: Tensor, radius: int) -> Tensor:
    """``(N,)``: the standard deviation that a blur by ``sigma`` leaves of white noise of 1."""
    return gaussian_taps(sigma, radius).square().sum(1)
