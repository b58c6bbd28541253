"""Baseline JPEG compression of a batch on the device, with chroma at half the size (4:2:0).

The tables are those of ITU-T T.81, annex K, scaled with the quality as libjpeg does. No code stream is
written: the quantised coefficients are decoded at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from training.imaging.random_source import RandomSource

_SIDE = 8  # of a block
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))  # JFIF, without offsets


def compress_jpeg(pictures: Tensor, quality: Tensor) -> Tensor:
    """Compresses and decodes pictures.

    Args:
        pictures: ``(N, 3, H, W)`` sRGB in [0, 1].
        quality: ``(N,)`` int64, 1..100.

    Returns:
        ``(N, 3, H, W)``, rounded to 8 bits; blocks start at the upper left corner.
    """
    height, width = pictures.shape[-2:]
    to_ycc = torch.tensor(_TO_YCC, device=pictures.device)
    pixels = (pictures * 255).round().clamp(0, 255)
    padded = F.pad(pixels, (0, -width % (2 * _SIDE), 0, -height % (2 * _SIDE)), "replicate")
    luma, chroma = torch.einsum("ij,njhw->nihw", to_ycc, padded).round().split((1, 2), 1)
    luma = _quantise(luma - 128, _LUMA, quality) + 128
    chroma = _quantise(F.avg_pool2d(chroma, 2).round(), _CHROMA, quality)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear")
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycc), torch.cat([luma, chroma], 1))
    return rgb[..., :height, :width].round().clamp(0, 255) / 255


def compress_anywhere(pictures: Tensor, lowest: int, end: int, random: RandomSource) -> Tensor:
    """Compresses and decodes pictures ``(N, 3, H, W)``, with a random position of their blocks.

    Args:
        pictures: in [0, 1].
        lowest: quality, 1..100.
        end: of the qualities, itself never taken.
        random: draws quality and the place of the blocks.
    """
    top, left = (int(shift) for shift in random.host.integers(16, size=2))
    quality = random.integers(lowest, end, (len(pictures),))
    padded = F.pad(pictures, (left, 0, top, 0), "replicate")
    return compress_jpeg(padded, quality)[..., top:, left:]


def _quantise(planes: Tensor, table: tuple[tuple[int, ...], ...], quality: Tensor) -> Tensor:
    """Rounds the coefficients of each block of planes ``(N, C, H, W)`` to multiples of the steps."""
    percent = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality).float()[:, None, None]
    steps = ((torch.tensor(table, device=planes.device) * percent + 50) / 100).floor().clamp(1, 255)  # (N, 8, 8)
    steps = steps[:, None, None, :, None, :]
    basis = _cosines(planes.device)
    blocks = planes.unflatten(-1, (-1, _SIDE)).unflatten(-3, (-1, _SIDE))  # (N, C, H / 8, 8, W / 8, 8)
    coefficients = torch.einsum("uy,vx,ncaybx->ncaubv", basis, basis, blocks)
    rounded = (coefficients / steps).round() * steps
    blocks = torch.einsum("uy,vx,ncaubv->ncaybx", basis, basis, rounded)
    return blocks.reshape(planes.shape).round().clamp(-128, 127)


def _cosines(device: torch.device) -> Tensor:
    """``(8, 8)``: the orthonormal discrete cosine transform, frequency by sample."""
    steps = torch.arange(_SIDE, device=device)
    basis = torch.cos(math.pi / _SIDE * steps[:, None] * (steps + 0.5)) * math.sqrt(2 / _SIDE)
    return torch.where(steps[:, None] == 0, math.sqrt(1 / _SIDE), basis)
