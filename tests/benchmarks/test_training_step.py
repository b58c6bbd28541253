from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import training_step
from benchmarks.training_step import make_step, time_steps
from srdgan_rt import _ext
from training.loop.kernels import NATIVE, TORCH

SHAPES = {"weight": (3, 3, 3, 3), "bias": (3,)}

needs_extension = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


@needs_extension
def test_both_are_stepped_in_turn() -> None:
    order: list[str] = []
    ticks = iter(range(100))
    steps = {kernels: make_step("1x8x4", kernels, "fp32", 1, 8) for kernels in (TORCH, NATIVE)}

    def step(name: str) -> None:
        order.append(name)
        steps[name]()

    seconds = time_steps({name: lambda name=name: step(name) for name in steps}, 2, lambda: float(next(ticks)))
    assert order == [TORCH, NATIVE] * 3
    assert seconds == {TORCH: 1.0, NATIVE: 1.0}


@needs_extension
def test_a_step_with_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feature loss is a part of the step: its net reads the result with gradients, and the target."""
    weights = {f"conv1_{i}.{kind}": np.ones(shape) for i in (1, 2) for kind, shape in SHAPES.items()}
    np.savez(tmp_path / "vgg.npz", **weights)
    read: list[bool] = []
    forward = training_step.VGGFeatures.forward

    def record(self: training_step.VGGFeatures, x: torch.Tensor) -> torch.Tensor:
        read.append(x.requires_grad)
        return forward(self, x)

    monkeypatch.setattr(training_step.VGGFeatures, "forward", record)
    make_step("1x8x4", NATIVE, "fp32", 1, 8, tmp_path / "vgg.npz", "conv1_2")()
    assert sorted(read) == [False, True]
