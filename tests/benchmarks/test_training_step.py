from __future__ import annotations

import pytest

from benchmarks.training_step import make_step, time_steps
from srdgan_rt import _ext
from training.loop.kernels import NATIVE, TORCH


@pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
def test_both_are_stepped_in_turn() -> None:
    order: list[str] = []
    ticks = iter(range(100))
    steps = {kernels: make_step("1x8x4", kernels, 1, 8) for kernels in (TORCH, NATIVE)}

    def step(name: str) -> None:
        order.append(name)
        steps[name]()

    seconds = time_steps({name: lambda name=name: step(name) for name in steps}, 2, lambda: float(next(ticks)))
    assert order == [TORCH, NATIVE] * 3
    assert seconds == {TORCH: 1.0, NATIVE: 1.0}
