"""Activation-range calibration for int8."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srdgan_rt.models import L2HNet
from srdgan_rt.models.l2h import ResidualDenseBlock
from srdgan_rt.models.observe import run_with_hooks
from srdgan_rt.ops.reference import measure_deviations, measure_spreads, transform_features

CUT = 15.0
"""Features are clipped at this multiple of their root mean square: rare large ones would cost the others precision."""

MARGIN = 1.5
"""Ranges are this much larger than the largest feature that was seen: other pictures have larger ones."""


class _Deviations:
    """Mean square of the differences of a dense block's input from the means of its tiles, by channel."""

    def __init__(self, num_features: int) -> None:
        self._num_features = num_features
        self._squares = torch.zeros(num_features, dtype=torch.float64)
        self._count = 0

    def add(self, features: Tensor) -> None:  # (N, F + 4 * G, H, W)
        squares = measure_deviations(features[:, : self._num_features])
        self._squares = self._squares + squares.sum(1, dtype=torch.float64)
        self._count += squares.shape[1]

    def root(self) -> Tensor:  # (F,)
        return (self._squares / self._count).sqrt().float()


class _Features:
    """Largest magnitude and mean square of a dense block's features, by point and channel."""

    def __init__(self, deviations: Tensor) -> None:
        self._deviations = deviations
        self._largest = torch.zeros(())
        self._squares = torch.zeros((), dtype=torch.float64)
        self._count = 0

    def add(self, features: Tensor) -> None:  # (N, F + 4 * G, H, W)
        spreads = measure_spreads(features[:, : len(self._deviations)], self._deviations)
        points = transform_features(features)[0] / spreads  # (36, F + 4 * G, tiles)
        self._largest = torch.maximum(self._largest, points.abs().amax(2))
        self._squares = self._squares + points.square().sum(2, dtype=torch.float64)
        self._count += points.shape[2]

    def ranges(self, cut: float, margin: float) -> Tensor:  # (37, F + 4 * G)
        ranges = torch.minimum(margin * self._largest, cut * (self._squares / self._count).sqrt().float())
        deviations = F.pad(self._deviations, (0, ranges.shape[1] - len(self._deviations)))
        return torch.cat([ranges, deviations[None]])


def measure_ranges(
    net: L2HNet, pictures: Sequence[Tensor], *, cut: float = CUT, margin: float = MARGIN
) -> list[Tensor]:
    """Runs a network on typical pictures in fp32, twice, and measures the ranges of the features in its dense blocks.

    Args:
        net: the network, float32 on the CPU.
        pictures: (N, 3, H, W) float32 RGB in [0, 1], with noise and edges like those of the pictures to enlarge.
        cut: upper bound of a range, as a multiple of the root mean square.
        margin: a range is at most the largest magnitude times this.

    Returns:
        One tensor (37, F + 4 * G) per dense block, for :func:`srdgan_rt.ops.l2h_net_pack`. Rows 0 to 35 are the ranges
        at each point of Winograd's domain, of features in units of their tile's spread. Row 36 holds, for the block's
        input, the root mean square of its differences from the means of its tiles, and zeros.

    Raises:
        InputError: there are no pictures.
    """
    blocks = [module for module in net.body.modules() if isinstance(module, ResidualDenseBlock)]
    deviations = [_Deviations(net.num_features) for _ in blocks]
    _watch(net, pictures, blocks, deviations)
    features = [_Features(block.root()) for block in deviations]
    _watch(net, pictures, blocks, features)
    return [block.ranges(cut, margin) for block in features]


_Statistics = TypeVar("_Statistics", _Deviations, _Features)


def _watch(
    net: L2HNet,
    pictures: Sequence[Tensor],
    blocks: Sequence[ResidualDenseBlock],
    statistics: Sequence[_Statistics],
) -> None:
    """Runs the network and adds the features of each block to its statistics."""

    def note(of: _Statistics, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        of.add(inputs[0])  # the last convolution reads everything that the block multiplies

    hooks = [
        block.conv5.register_forward_pre_hook(partial(note, of)) for block, of in zip(blocks, statistics, strict=True)
    ]
    run_with_hooks(net, pictures, hooks)
