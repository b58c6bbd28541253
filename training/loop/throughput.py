"""How much of a device a training uses: operations a second, compared with those of a matrix product."""

from __future__ import annotations

import time

import torch

from srdgan_rt.models.spec import ModelSpec
from training.config import ModelConfig
from training.loop.engine import Engine

_PASSES = 3  # forward, and backward to inputs and to weights, each as much work
_SIDES = {"cuda": 8192, "cpu": 512}  # of the matrices that are multiplied
_PRODUCTS = 10


def count_step(model: ModelConfig, num_pixels: int) -> float:
    """Operations, in 10^12, of the low-to-high net in a step, without VGG and discriminator.

    Args:
        model: sizes of the net.
        num_pixels: low-resolution pixels of the batch, of all samples together.
    """
    return 2 * ModelSpec(**vars(model)).macs_per_pixel * _PASSES * num_pixels / 1e12


def measure_peak(engine: Engine) -> float:
    """The speed of a square product in the run's precision, 10^12 operations a second."""
    device = engine.device
    side = _SIDES[device.type]
    dtype = torch.bfloat16 if engine.config.precision == "bf16" else torch.float32
    first, second = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))
    first @ second
    started = finished_at(device)
    for _ in range(_PRODUCTS):
        first @ second
    return 2 * side**3 * _PRODUCTS / (finished_at(device) - started) / 1e12


def finished_at(device: torch.device) -> float:
    """Waits until the device has finished; returns the time by ``time.monotonic``."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()
