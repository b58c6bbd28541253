"""Nearest-neighbour downsampling with a stated phase."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.ops._checks import check_downsample


def nearest_downsample(x: Tensor, factor: int, phase: int | None = None) -> Tensor:  # (N, C, H, W)
    """Keeps every ``factor``-th sample of each row and column: ``out[i] = x[factor * i + phase]`` on both axes.

    The noisy small pictures of training and evaluation pairs are made in this way (paper, section 3.2.2). Unlike an
    average, it changes neither the strength nor the correlation of the sensor's noise.

    **The phase moves the picture.** Enlarging by ``factor`` puts LR sample ``i`` at the middle of its block, at
    ``factor * i + (factor - 1) / 2``. A sample from elsewhere in the block is therefore displaced by
    ``(factor - 1) / 2 - phase`` pixels. For factor 4, phase 0 (torch's ``nearest``, OpenCV's ``INTER_NEAREST``,
    ``a[::4]``) moves the picture by 1.5 pixels, and a network trained on such pairs loses 4 dB on Set5. The default
    ``factor // 2`` (torch's ``nearest-exact``, Pillow, MATLAB) is exact for an odd factor and off by half a pixel for
    an even one; :func:`srdgan_rt.image.resample.shift_half_pixel` moves the reference picture by the same half pixel.

    Args:
        x: (N, C, H, W), uint8 of 0..255 or float32 of any range, in any memory layout; H and W larger than ``phase``.
        factor: distance between samples, at least 1.
        phase: offset of the first sample, 0..factor-1; None is the middle sample, ``factor // 2``.

    Returns:
        (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor)) float32, contiguous. uint8 is divided by 255,
        float32 is copied. Differentiable for float32.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    phase = check_downsample(x, factor, phase)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.nearest_downsample(x, factor, phase)
    return result


def _fake(x: Tensor, factor: int, phase: int) -> Tensor:
    height = (x.shape[2] - phase + factor - 1) // factor
    width = (x.shape[3] - phase + factor - 1) // factor
    return torch.empty((x.shape[0], x.shape[1], height, width), dtype=torch.float32, device=x.device)


def _setup_context(ctx: Any, inputs: tuple[Tensor, int, int], output: Tensor) -> None:
    x, ctx.factor, ctx.phase = inputs
    ctx.shape = x.shape


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
    grad_x = grad.new_zeros(ctx.shape)
    grad_x[:, :, ctx.phase :: ctx.factor, ctx.phase :: ctx.factor] = grad
    return grad_x, None, None


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::nearest_downsample", _fake)
    torch.library.register_autograd("srdgan_rt::nearest_downsample", _backward, setup_context=_setup_context)
