"""Synthetic pictures that are rare in photographs: flat fields, and strong patterns near the limit of resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from srdgan_rt.metrics.protocol import SCALE
from training.imaging.random_source import RandomSource

_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))  # ordered dither, thresholds in 16ths


def draw_flats(count: int, size: int, random: RandomSource) -> Tensor:
    """Flat and nearly flat fields: any grey, dark ones most, black and white; any colour; the gamut's corners.

    Args:
        count: how many, 0 or more.
        size: pixels a side.
        random: draws them.

    Returns:
        ``(count, 3, size, size)`` in [0, 1], not rounded.
    """
    even, dark = random.uniform((count, 1)), random.log_uniform((count, 1), 1e-4, 1.0)
    corner = random.integers(0, 2, (count, 3)).float()
    options = torch.stack(
        [
            dark.expand(-1, 3),
            dark * random.uniform((count, 3)),
            even.expand(-1, 3),
            random.uniform((count, 3)),
            corner,
            corner + (0.5 - corner) * random.log_uniform((count, 1), 0.01, 1.0),  # near a corner
        ],
        1,
    )  # (N, 6, 3)
    colour = options[torch.arange(count, device=random.device), random.integers(0, 6, (count,))][..., None, None]
    flat = colour.expand(-1, -1, size, size)
    # Nearly flat: a slope across the field, of up to two levels of 8 bits or a third of the level.
    angle = random.uniform((count, 1, 1, 1), 0, 2 * math.pi)
    steps = torch.linspace(-1, 1, size, device=random.device)
    slope = angle.cos() * steps + angle.sin() * steps[:, None]
    height = torch.minimum(colour / 3, torch.tensor(2 / 255, device=random.device))
    return torch.where(random.chance(count, 0.5), (flat + height * slope).clamp(0, 1), flat)


def draw_patterns(count: int, size: int, random: RandomSource) -> Tensor:
    """Stripes, checks and dither whose periods lie between the finest that the small picture can hold and a few of it.

    Args:
        count: how many, 0 or more.
        size: pixels a side, a multiple of 4.
        random: draws them.

    Returns:
        ``(count, 3, size, size)`` in [0, 1].
    """
    if count == 0:
        return torch.empty(0, 3, size, size, device=random.device)
    draw = (_draw_checks, _draw_checks, _draw_stripes, _draw_dither)[random.host.integers(4)]
    pattern = draw(count, size, random)  # (N, 1, S, S) in [-1, 1]
    height = random.uniform((count, 1, 1, 1), 5 / 255, 115 / 255)
    level = height + random.uniform((count, 1, 1, 1)) * (1 - 2 * height)
    tint = torch.where(random.chance(count, 0.7), 1.0, random.uniform((count, 3, 1, 1), -1, 1))
    return (level + height * tint * pattern).clamp(0, 1)


def _draw_stripes(count: int, size: int, random: RandomSource) -> Tensor:
    period = SCALE * random.log_uniform((count, 1, 1, 1), 1.9, 6)
    angle = random.uniform((count, 1, 1, 1), 0, 2 * math.pi)
    straight = random.integers(0, 4, (count, 1, 1, 1)) * (math.pi / 2)
    angle = torch.where(random.chance(count, 0.5), straight, angle)
    steps = torch.arange(size, device=random.device, dtype=torch.float32)
    along = angle.cos() * steps + angle.sin() * steps[:, None]
    wave = torch.sin(2 * math.pi * (along / period + random.uniform((count, 1, 1, 1))))
    hard = (random.log_uniform((count, 1, 1, 1), 1, 20) * wave).clamp(-1, 1)
    return torch.where(random.chance(count, 0.5), hard, wave)


def _draw_checks(count: int, size: int, random: RandomSource) -> Tensor:
    """Squares of 1 to 3 small pixels on their grid, or of any size beside it."""
    aligned = random.chance(count, 0.7)
    side = torch.where(
        aligned,
        SCALE * random.integers(0, 4, (count, 1, 1, 1)).clamp(min=1).float(),  # the finest twice as often
        SCALE * random.log_uniform((count, 1, 1, 1), 1, 4),
    )
    places = torch.arange(size, device=random.device) + torch.where(
        aligned, 0.0, random.uniform((count, 1, 1, 1), 0, 32)
    )
    cells = ((places + 1e-3) / side).floor()  # (N, 1, 1, S)
    return 1 - 2 * ((cells + cells.mT) % 2)


def _draw_dither(count: int, size: int, random: RandomSource) -> Tensor:
    """Dither of black and white small pixels, random or ordered, whose level changes from side to side."""
    cells = size // SCALE
    ordered = (torch.tensor(_BAYER, device=random.device) + 0.5) / 16
    repeats = -(-cells // len(_BAYER))
    ordered = ordered.repeat(repeats, repeats)[:cells, :cells]
    threshold = torch.where(random.chance(count, 0.6), ordered, random.uniform((count, 1, cells, cells)))
    start, end = random.uniform((count, 1, 1, 1)), random.uniform((count, 1, 1, 1))
    level = torch.lerp(start, end, torch.linspace(0, 1, cells, device=random.device))
    bits = 2 * (level > threshold).float() - 1
    return bits.repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3)
