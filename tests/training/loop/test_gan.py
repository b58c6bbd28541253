"""The moving average of a generator's weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.loop.gan import update_ema


@pytest.mark.parametrize(("iteration", "kept"), [(0, 0.1), (8, 0.5), (1_000_000, 0.99)])
def test_the_ema_forgets_early_weights_sooner(iteration: int, kept: float) -> None:
    ema, net = nn.Linear(3, 2), nn.Linear(3, 2)
    expected = [
        kept * old.detach() + (1 - kept) * new for old, new in zip(ema.parameters(), net.parameters(), strict=True)
    ]
    update_ema(ema, net, 0.99, iteration)
    for parameter, value in zip(ema.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, value)
