"""Compares an engine with fp32 before it is used: a fused kernel can be wrong without a word."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.tensorrt.figures import Figures, find_figures, keep_figures
from srdgan_rt.tensorrt.files import StoredEngine
from srdgan_rt.tensorrt.recipe import Profile, Recipe

LOWEST_PSNR = {"fp32": 80.0, "fp16": 50.0, "bf16": 35.0, "int8": 40.0, "fp8": 40.0}
"""In dB against fp32: less than rounding leaves, more than one wrong row or a shift by one pixel leaves."""

_SIZES = ((96, 96), (45, 37))  # the sides of the second are no multiples of what kernels work on
_LARGEST = 200.0  # dB; more is no difference, and JSON has no infinity

Run = Callable[[Tensor], Tensor]
"""``(N, 3, H, W)`` float32 in [0, 1] to ``(N, 3, scale * H, scale * W)``."""


def make_probes(height: int, width: int) -> dict[str, Tensor]:
    """Pictures in which engines that are wrong show it.

    Returns:
        By name, ``(1, 3, height, width)`` float32 in [0, 1]: a chart of bars, circles and colours, noise, flat white,
        and a dark picture whose values lie below 1 % in steps of 16 bits.
    """
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    bars = (torch.sin(60 * x**2) > 0).float()
    rings = 0.5 + 0.5 * torch.cos(40 * ((x - 0.5) ** 2 + (y - 0.5) ** 2).sqrt())
    chart = torch.stack([torch.where(y < 0.5, bars, rings), x, y])
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))
    dark = (655 * torch.stack([x, y, noise[0]])).round() / 65535
    probes = {"chart": chart, "noise": noise, "white": torch.ones(3, height, width), "dark": dark}
    return {name: picture[None] for name, picture in probes.items()}


def measure_accuracy(run: Run, reference: Run, profile: Profile) -> dict[str, float]:
    """PSNR in dB of an engine's results against the reference's, by the name of the probe; the worst of all sizes."""
    from srdgan_rt.metrics.similarity import psnr

    worst: dict[str, float] = {}
    for size in _SIZES:
        # In whole blocks of pixels, for networks that see blocks.
        sides = (min(side, profile.largest) // profile.smallest * profile.smallest for side in size)
        for name, picture in make_probes(*sides).items():
            result, expected = (_to_numpy(function(picture)) for function in (run, reference))
            finite = np.isfinite(result).all()
            decibels = psnr(result, expected, peak=1) if finite else 0.0
            worst[name] = min(worst.get(name, _LARGEST), round(decibels, 2) if decibels < _LARGEST else _LARGEST)
    return worst


def _to_numpy(x: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return x.clamp(0, 1)[0].movedim(0, 2).float().cpu().numpy()


def check_accuracy(run: Run, make_reference: Callable[[], Run], stored: StoredEngine, gpu: str) -> Figures:
    """Lets an engine pass if it is as accurate as its type allows; once measured on a GPU, the figures are kept.

    Args:
        run: the engine.
        make_reference: makes the same network in fp32; called if it has to be measured.
        stored: the engine; the figures are kept beside it.
        gpu: the GPU and its driver.

    Returns:
        What is known of the engine on this GPU.

    Raises:
        BackendUnavailableError: a probe lies below :data:`LOWEST_PSNR`.
    """
    recipe = stored.manifest.recipe
    figures = find_figures(stored, gpu)
    if figures is None or not is_accurate(figures, recipe):  # what failed is tried again: other things may have changed
        psnr = measure_accuracy(run, make_reference(), recipe.profile)
        figures = Figures(psnr)
        keep_figures(stored, gpu, figures)
    if not is_accurate(figures, recipe):
        name = min(figures.psnr, key=lambda probe: figures.psnr[probe])
        raise BackendUnavailableError(
            f"the TensorRT engine is wrong on {gpu}: its PSNR to fp32 must be at least "
            f"{LOWEST_PSNR[recipe.precision]:g} dB in {recipe.precision}, got {figures.psnr[name]:.1f} on the probe "
            f"{name}; choose --engine torch"
        )
    return figures


def is_accurate(figures: Figures, recipe: Recipe) -> bool:
    """Whether an engine of this recipe may be used, by what was measured of it."""
    return bool(figures.psnr) and min(figures.psnr.values()) >= LOWEST_PSNR[recipe.precision]
