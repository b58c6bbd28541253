"""Nearest-neighbour downsampling with a stated phase."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.ops._checks import check_downsample


def nearest_downsample(
    x: Tensor,  # (N, C, H, W)
    factor: int,
    phase: int | None = None,
    *,
    shot_noise: float = 0.0,
    read_noise: float = 0.0,
    seed: int = 0,
) -> Tensor:  # (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor))
    """Keeps every ``factor``-th sample of each row and column: ``out[i] = x[factor * i + phase]`` on both axes.

    The noisy small pictures of training and evaluation pairs are made in this way (paper, section 3.2.2). Unlike an
    average, it changes neither the strength nor the correlation of the sensor's noise.

    **The phase moves the picture.** Enlarging by ``factor`` puts LR sample ``i`` at the middle of its block, at
    ``factor * i + (factor - 1) / 2``. A sample from elsewhere in the block is therefore displaced by
    ``(factor - 1) / 2 - phase`` pixels. For factor 4, phase 0 (torch's ``nearest``, OpenCV's ``INTER_NEAREST``,
    ``a[::4]``) moves the picture by 1.5 pixels, and a network trained on such pairs loses 4 dB on Set5. The default
    ``factor // 2`` (torch's ``nearest-exact``, Pillow, MATLAB) is exact for an odd factor and off by half a pixel for
    an even one; :func:`srdgan_rt.image.resample.shift_half_pixel` moves the reference picture by the same half pixel.

    **Noise of a sensor** can be added to the samples in the same pass: ``v + sqrt(shot_noise * max(v, 0) +
    read_noise**2) * n`` with independent normal ``n``. Its variance grows with the light, as photons arrive by chance
    (Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", 2008). The
    result is not clipped. Sample ``i`` of the result takes value ``i`` of ``seed``, computed by the counter-based
    generator Philox4x32-10: the same seed gives the same noise to the last bit on the CPU and the GPU, for any number
    of threads. For the noise of a certain camera, train :class:`srdgan_rt.models.h2l.H2LNet`.

    Args:
        x: (N, C, H, W), uint8 of 0..255 or float32 of any range, in any memory layout; H and W larger than ``phase``.
        factor: distance between samples, at least 1.
        phase: offset of the first sample, 0..factor-1; None is the middle sample, ``factor // 2``.
        shot_noise: variance for each unit of light, 0 to 1000. A camera that counts 10,000 electrons at 1.0 has 1e-4.
        read_noise: standard deviation in the dark, 0 to 1000, in units of the result.
        seed: which noise, 64 bits with sign. Use another one for each picture and step.

    Returns:
        (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor)) float32, contiguous. uint8 is divided by 255,
        float32 is copied. Differentiable for float32, also through the strength of the noise.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    phase = check_downsample(x, factor, phase, shot_noise, read_noise, seed)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.nearest_downsample(x, factor, phase, shot_noise, read_noise, seed)
    return result


def _fake(x: Tensor, factor: int, phase: int, shot_noise: float, read_noise: float, seed: int) -> Tensor:
    height = (x.shape[2] - phase + factor - 1) // factor
    width = (x.shape[3] - phase + factor - 1) // factor
    return torch.empty((x.shape[0], x.shape[1], height, width), dtype=torch.float32, device=x.device)


def _setup_context(ctx: Any, inputs: tuple[Tensor, int, int, float, float, int], output: Tensor) -> None:
    x, ctx.factor, ctx.phase, ctx.shot_noise, ctx.read_noise, _ = inputs
    ctx.shape = x.shape
    if ctx.shot_noise:
        ctx.save_for_backward(x, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None, None]:
    kept = (..., slice(ctx.phase, None, ctx.factor), slice(ctx.phase, None, ctx.factor))
    grad_x = grad.new_zeros(ctx.shape)
    if ctx.shot_noise:
        x, output = ctx.saved_tensors
        samples = x[kept]
        variance = ctx.shot_noise * samples.clamp(min=0) + ctx.read_noise**2
        change = ctx.shot_noise / 2 * (output - samples) / variance  # of the noise, which is sqrt(variance) * n
        grad = grad * torch.where(samples > 0, 1 + change, 1)
    grad_x[kept] = grad
    return grad_x, None, None, None, None, None


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::nearest_downsample", _fake)
    torch.library.register_autograd("srdgan_rt::nearest_downsample", _backward, setup_context=_setup_context)
