from __future__ import annotations

from training import config as c
from training.loop.engine import Engine
from training.loop.throughput import count_step, measure_peak


def test_a_step_of_the_paper_s_net() -> None:
    # 38.73 MFLOP a pixel forward (docs/design/kernels.md), three times that with the way back.
    expected = 3 * 38.729088e6 * 16 * 48**2 / 1e12
    assert abs(count_step(c.ModelConfig(), 16 * 48**2) / expected - 1) < 1e-9


def test_the_peak_is_that_of_a_product() -> None:
    assert 0.001 < measure_peak(Engine(c.EngineConfig())) < 20
