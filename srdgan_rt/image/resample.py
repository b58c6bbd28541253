"""Resampling: MATLAB's bicubic filter, and the half-pixel shift of the evaluation protocol."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from srdgan_rt.errors import InputError

# Interpolation at +1/2 pixel, 8 taps, mirrored; divided by their sum below.
_HALF_PIXEL_TAPS = (-0.0105, 0.0465, -0.1525, 0.6165, 0.6165, -0.1525, 0.0465, -0.0105)


def _cubic(x: Tensor) -> Tensor:
    """Keys' cubic convolution kernel with a = -0.5 (what MATLAB's ``imresize`` uses)."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))


@lru_cache(maxsize=8)  # both axes of a few sizes; those of a large picture take megabytes
@torch.inference_mode(False)  # the result is kept: made as inference tensors, it would break a later backward pass
def bicubic_taps(in_length: int, out_length: int) -> tuple[Tensor, Tensor]:
    """The filter of :func:`resize_bicubic` along one axis.

    Args:
        in_length: samples of the input.
        out_length: samples of the result.

    Returns:
        Source indices (int64) and weights (float64) of every result sample, both ``(out_length, num_taps)``.
    """
    scale = out_length / in_length
    stretch = min(scale, 1.0)  # when shrinking, the kernel widens: the antialiasing of imresize
    num_taps = math.ceil(4 / stretch) + 2
    centre = (torch.arange(out_length, dtype=torch.float64) + 0.5) / scale - 0.5
    left = torch.floor(centre - 2 / stretch)
    indices = left[:, None] + torch.arange(num_taps, dtype=torch.float64)
    weights = stretch * _cubic(stretch * (centre[:, None] - indices))
    weights = weights / weights.sum(1, keepdim=True)
    # Mirror with the edge sample repeated, period 2 * in_length.
    wrapped = indices.long() % (2 * in_length)
    wrapped = torch.where(wrapped < in_length, wrapped, 2 * in_length - 1 - wrapped)
    used = (weights != 0).any(0)
    return wrapped[:, used], weights[:, used]


def apply_taps(x: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of samples along the last axis.

    Args:
        x: ``(..., W)`` floating point.
        indices: ``(out_length, num_taps)`` int64, the samples of each sum.
        weights: ``(out_length, num_taps)`` their weights.

    Returns:
        ``(..., out_length)``, dtype and device of ``x``.
    """
    indices, weights = indices.to(x.device), weights.to(x.device, x.dtype)
    out = x[..., indices[:, 0]] * weights[:, 0]
    for tap in range(1, indices.shape[1]):
        out += x[..., indices[:, tap]] * weights[:, tap]
    return out


def _resize_last_axis(x: Tensor, out_length: int) -> Tensor:
    if x.shape[-1] == out_length:
        return x
    return apply_taps(x, *bicubic_taps(x.shape[-1], out_length))


def resize_bicubic(x: Tensor, height: int, width: int) -> Tensor:
    """Resizes like MATLAB's ``imresize(..., 'bicubic')``: antialiased when shrinking, edges mirrored.

    Args:
        x: ``(..., H, W)`` floating point, any value range.
        height: rows of the result, at least 1.
        width: columns of the result, at least 1.

    Returns:
        ``(..., height, width)``, dtype and device of ``x``, neither rounded nor clamped.

    Raises:
        InputError: ``x`` is not floating point or has no pixels, or the size is not positive.
    """
    _check_planes(x)
    if height < 1 or width < 1:
        raise InputError(f"height and width must be at least 1, got {height} and {width}")
    return _resize_last_axis(_resize_last_axis(x, width).mT, height).mT


def _check_planes(x: Tensor) -> None:
    if not x.is_floating_point():
        raise InputError(f"resampling needs floating point, got {x.dtype}")
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise InputError(f"resampling needs pixels on the last two axes, got shape {tuple(x.shape)}")


def _shift_last_axis(x: Tensor) -> Tensor:
    length = x.shape[-1]
    # out[i] lies at i + 1/2; taps at i-3 .. i+4; reflected without repeating the edge sample.
    period = max(2 * (length - 1), 1)
    total = sum(_HALF_PIXEL_TAPS)
    out = torch.zeros_like(x)
    for tap, weight in enumerate(_HALF_PIXEL_TAPS):
        index = (torch.arange(length, device=x.device) + tap - 3) % period
        index = torch.where(index < length, index, period - index)
        out += x[..., index] * (weight / total)
    return out


def shift_half_pixel(x: Tensor) -> Tensor:
    """Moves the sampling grid by half a pixel on both axes: result[i] is the picture at i + 1/2.

    The low-resolution sample ``noisy[4 i + 2]`` lies at coordinate 4 i + 2, while the middle of the block
    4 i .. 4 i + 3, where every upscaler assumes it, is 4 i + 1.5. Shifting the *reference* the other way,
    result[j] = x(j + 1/2), puts the sample exactly into the middle of its block. Without it a net learns to
    move the picture and loses decibels on ordinary test sets.

    Args:
        x: ``(..., H, W)`` floating point.

    Returns:
        Same shape and dtype, not clamped.

    Raises:
        InputError: ``x`` is not floating point or has no pixels.
    """
    _check_planes(x)
    return _shift_last_axis(_shift_last_axis(x).mT).mT
