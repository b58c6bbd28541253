"""Distributions of random numbers."""

from __future__ import annotations

import pytest
import torch

from training.imaging.random_source import RandomSource


def test_half_of_log_uniform_values_lie_below_the_geometric_mean() -> None:
    values = RandomSource((0,), torch.device("cpu")).log_uniform((10_000,), 0.001, 10.0)
    assert values.min() >= 0.001
    assert values.max() <= 10
    for share, bound in ((0.25, 0.01), (0.5, 0.1), (0.75, 1.0)):
        assert (values < bound).float().mean().item() == pytest.approx(share, abs=0.02)
