"""Compares an engine with fp32 before it is used: a fused kernel can be wrong without a word."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.tensorrt.files import EngineFiles, StoredEngine, write_json
from srdgan_rt.tensorrt.recipe import Profile

LOWEST_PSNR = {"fp32": 80.0, "fp16": 50.0, "bf16": 35.0}
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


def check_accuracy(run: Run, reference: Run, stored: StoredEngine, gpu: str) -> dict[str, float]:
    """Lets an engine pass if it is as accurate as its type allows; once measured on a GPU, the figures are kept.

    Args:
        run: the engine.
        reference: the same network in fp32.
        stored: the engine; the figures are kept beside it.
        gpu: the GPU and its driver.

    Returns:
        PSNR in dB by probe.

    Raises:
        BackendUnavailableError: a probe lies below :data:`LOWEST_PSNR`.
    """
    files, digest, recipe = stored.files, stored.manifest.sha256, stored.manifest.recipe
    lowest = LOWEST_PSNR[recipe.precision]
    known = {} if files is None else read_figures(files)
    figures = known.get(gpu, {}).get(digest)
    if figures is None or not _passes(figures, lowest):  # what failed is tried again: a new driver may be in place
        figures = measure_accuracy(run, reference, recipe.profile)
        if files is not None:
            with suppress(OSError):  # a folder that cannot be written to: it is measured again next time
                write_json(files.numerics, {**known, gpu: {digest: figures}})
    if not _passes(figures, lowest):
        name = min(figures, key=lambda probe: figures[probe])
        raise BackendUnavailableError(
            f"the TensorRT engine is wrong on {gpu}: its PSNR to fp32 must be at least {lowest:g} dB in "
            f"{recipe.precision}, got {figures[name]:.1f} on the probe {name}; choose --engine torch"
        )
    return figures


def _passes(figures: Mapping[str, float], lowest: float) -> bool:
    return bool(figures) and min(figures.values()) >= lowest


def read_figures(files: EngineFiles) -> dict[str, dict[str, dict[str, float]]]:
    """PSNR in dB by GPU, digest of the engine and probe; empty where nothing was measured yet."""
    try:
        facts = json.loads(files.numerics.read_bytes())
        return {
            str(gpu): {str(digest): {str(name): float(value) for name, value in figures.items()}}
            for gpu, entries in facts.items()
            for digest, figures in entries.items()
        }
    except (OSError, AttributeError, TypeError, ValueError):  # not there, or damaged
        return {}
