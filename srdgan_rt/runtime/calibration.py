"""Activation-range calibration for int8."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from srdgan_rt.models import L2HNet
from srdgan_rt.models.l2h import ResidualDenseBlock
from srdgan_rt.models.observe import run_with_hooks
from srdgan_rt.ops.reference import transform_features

CUT = 14.0
"""Features are clipped at this multiple of their root mean square: rare large ones would cost the others precision."""


class _Statistics:
    """Largest magnitude and mean square of a dense block's features, by point and channel."""

    def __init__(self) -> None:
        self.largest = torch.zeros(())
        self.squares = torch.zeros((), dtype=torch.float64)
        self.count = 0

    def add(self, features: Tensor) -> None:  # (N, F + 4 * G, H, W)
        points, _ = transform_features(features)  # (36, F + 4 * G, tiles)
        self.largest = torch.maximum(self.largest, points.abs().amax(2))
        self.squares = self.squares + points.square().sum(2, dtype=torch.float64)
        self.count += points.shape[2]

    def range(self, cut: float) -> Tensor:  # (36, F + 4 * G)
        return torch.minimum(self.largest, cut * (self.squares / self.count).sqrt().float())


def measure_ranges(net: L2HNet, pictures: Iterable[Tensor], *, cut: float = CUT) -> list[Tensor]:
    """Runs a network on typical pictures in fp32 and measures the ranges of the features in its dense blocks.

    Args:
        net: the network, float32 on the CPU.
        pictures: (N, 3, H, W) float32 RGB in [0, 1], with noise and edges like those of the pictures to enlarge.
        cut: upper bound of a range, as a multiple of the root mean square.

    Returns:
        One tensor (36, F + 4 * G) per dense block: the range at each point of Winograd's domain and channel, for
        :func:`srdgan_rt.ops.l2h_net_pack`.

    Raises:
        InputError: there are no pictures.
    """
    blocks = [module for module in net.body.modules() if isinstance(module, ResidualDenseBlock)]
    statistics = [_Statistics() for _ in blocks]

    def note(of: _Statistics, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        of.add(inputs[0])  # the last convolution reads everything that the block multiplies

    hooks = [
        block.conv5.register_forward_pre_hook(partial(note, of)) for block, of in zip(blocks, statistics, strict=True)
    ]
    run_with_hooks(net, pictures, hooks)
    return [of.range(cut).clone() for of in statistics]
