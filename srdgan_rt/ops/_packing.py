"""Parameters of a chain of convolutions as the CPU kernels read them: one flat tensor, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_float32, check_weight

Layer: TypeAlias = tuple[Tensor, Tensor]
"""Weight (C_out, C_in, 3, 3) and bias (C_out,) of one convolution, float32 on the CPU."""

_PANEL = 16  # channels are padded to multiples of this
_WINOGRAD_POINTS = 36
_UPSAMPLE_PRODUCTS = 25

CONVS_PER_BLOCK = 5
BLOCKS_PER_RRDB = 3


@dataclass(frozen=True)
class PlannedLayer:
    """A layer and how it is to be packed: as a convolution whose input is ``first`` channels and then runs of ``more``,
    each padded by itself, or as one that follows a nearest x2 enlargement."""

    layer: Layer
    first: int
    more: int
    upsamples: bool = False

    @property
    def bias_size(self) -> int:
        return _pad(self.layer[0].shape[0])

    @property
    def size(self) -> int:
        """Floats of the packed layer: weights, then the padded bias."""
        out_channels, in_channels = self.layer[0].shape[:2]
        if self.upsamples:
            return _UPSAMPLE_PRODUCTS * in_channels * _pad(out_channels) + self.bias_size
        depth = _pad(self.first) + (in_channels - self.first) // self.more * _pad(self.more)
        return _WINOGRAD_POINTS * depth * _pad(out_channels) + self.bias_size

    def pack(self, out: Tensor) -> None:
        """Writes the packed layer into ``out``, a flat tensor of ``size`` floats."""
        weight, bias = (tensor.detach().contiguous() for tensor in self.layer)
        if not self.upsamples:
            torch.ops.srdgan_rt.winograd_pack(weight, bias, self.first, self.more, out)
            return
        out[: -self.bias_size] = torch.ops.srdgan_rt.upsample_conv_pack(weight).flatten()
        out[-self.bias_size :] = 0
        out[-self.bias_size :][: len(bias)] = bias


def plan_conv(layer: Layer) -> PlannedLayer:
    """A convolution that reads one feature map."""
    return PlannedLayer(layer, layer[0].shape[1], 1)


def plan_upsampling(layer: Layer) -> PlannedLayer:
    """A convolution that follows a nearest x2 enlargement."""
    return PlannedLayer(layer, layer[0].shape[1], 1, upsamples=True)


def plan_dense_block(layers: Sequence[Layer]) -> list[PlannedLayer]:
    """The five convolutions of a dense block.

    Raises:
        InputError: their shapes are not those of a dense block.
    """
    if len(layers) != CONVS_PER_BLOCK:
        raise InputError(f"a dense block has {CONVS_PER_BLOCK} convolutions, got {len(layers)}")
    for weight, bias in layers:
        check_weight(weight, bias)
    growth, features = layers[0][0].shape[:2]
    for index, (weight, _) in enumerate(layers):
        expected = (features if index == CONVS_PER_BLOCK - 1 else growth, features + index * growth, 3, 3)
        if tuple(weight.shape) != expected:
            raise InputError(f"weight {index + 1} of the dense block must be {expected}, got {tuple(weight.shape)}")
    return [PlannedLayer(layer, features, growth) for layer in layers]


def pack(planned: Sequence[PlannedLayer]) -> Tensor:
    """Packs layers one after the other.

    Returns:
        One flat float32 tensor.

    Raises:
        InputError: a layer is not float32 on the CPU, has no 3x3 weight or no fitting bias.
        ExtensionError: the compiled extension cannot be used.
    """
    for item in planned:
        weight, bias = item.layer
        check_weight(weight, bias)
        check_float32("the CPU kernels", weight=weight, bias=bias)
        for name, tensor in (("weight", weight), ("bias", bias)):
            if tensor.device.type != "cpu":
                raise InputError(f"layers are packed for the CPU, got a {name} on {tensor.device}")
    _ext.load()
    parameters: Tensor = torch.ops.srdgan_rt.empty_parameters(sum(item.size for item in planned))
    start = 0
    for item in planned:
        item.pack(parameters[start : start + item.size])
        start += item.size
    return parameters


def _pad(channels: int) -> int:
    return -(-channels // _PANEL) * _PANEL
