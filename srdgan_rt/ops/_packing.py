"""Parameters of a chain of convolutions as the CPU kernels read them: one flat tensor, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._int8 import POINTS as INT8_POINTS
from srdgan_rt.ops._int8 import pad_segments, to_levels
from srdgan_rt.ops._layers import Layer

_PANEL = 16  # channels are padded to multiples of this
_UPSAMPLE_PRODUCTS = 25
_POINTS = 64  # of F(6x6, 3x3), as csrc/kernels/cpu/winograd.h has it for floats


class Planned(Protocol):
    """Something that is to be packed."""

    @property
    def size(self) -> int:
        """Floats that it becomes."""

    def check(self) -> None:
        """Raises InputError unless it is float32 on the CPU."""

    def pack(self, out: Tensor) -> None:
        """Writes it into ``out``, a flat tensor of ``size`` floats."""


@dataclass(frozen=True)
class PlannedLayer:
    """A layer and how it is to be packed: as a convolution whose input is ``first`` channels and then runs of ``more``,
    each padded by itself, or as one that follows a nearest x2 enlargement. With levels, its weights become bytes."""

    layer: Layer
    first: int
    more: int
    upsamples: bool = False
    levels: Tensor | None = None  # (36, at least the padded inputs)

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
        per_point = depth * _pad(out_channels)
        if self.levels is not None:  # four weights in a float; at every point where sums start, and their steps
            return INT8_POINTS * per_point // 4 + (1 + 2 * INT8_POINTS) * self.bias_size
        return _POINTS * per_point + self.bias_size

    def check(self) -> None:
        """Raises InputError unless weight and bias are float32 on the CPU."""
        for name, tensor in zip(("weight", "bias"), self.layer, strict=True):
            if tensor.dtype != torch.float32:
                raise InputError(f"the CPU kernels compute in float32, got a {name} in {tensor.dtype}")
            if tensor.device.type != "cpu":
                raise InputError(f"layers are packed for the CPU, got a {name} on {tensor.device}")

    def pack(self, out: Tensor) -> None:
        """Writes the packed layer into ``out``, a flat tensor of ``size`` floats."""
        weight, bias = (tensor.detach().contiguous() for tensor in self.layer)
        if self.levels is not None:
            torch.ops.srdgan_rt.winograd_pack_int8(weight, bias, self.levels, self.first, self.more, out)
            return
        if not self.upsamples:
            torch.ops.srdgan_rt.winograd_pack(weight, bias, self.first, self.more, out)
            return
        out[: -self.bias_size] = torch.ops.srdgan_rt.upsample_conv_pack(weight).flatten()
        out[-self.bias_size :] = 0
        out[-self.bias_size :][: len(bias)] = bias


@dataclass(frozen=True)
class PlannedLevels:
    """The levels of a dense block's features, which come before its convolutions."""

    levels: Tensor  # (36, padded channels)

    @property
    def size(self) -> int:
        """Floats of the levels."""
        return self.levels.numel()

    def check(self) -> None:
        """Nothing: :func:`plan_dense_block_int8` makes them as they must be."""

    def pack(self, out: Tensor) -> None:
        """Writes the levels into ``out``."""
        out.copy_(self.levels.flatten())


def plan_conv(layer: Layer) -> PlannedLayer:
    """A convolution that reads one feature map."""
    return PlannedLayer(layer, layer[0].shape[1], 1)


def plan_body(body: Layer, first: Layer) -> PlannedLayer:
    """conv_body and the shortcut around all blocks: a convolution that reads features and picture, and whose result is
    that of ``body`` on the one plus that of ``first`` on the other."""
    layer = (torch.cat([body[0].detach(), first[0].detach()], 1), body[1].detach() + first[1].detach())
    return PlannedLayer(layer, body[0].shape[1], first[0].shape[1])


def plan_upsampling(layer: Layer) -> PlannedLayer:
    """A convolution that follows a nearest x2 enlargement."""
    return PlannedLayer(layer, layer[0].shape[1], 1, upsamples=True)


def plan_dense_block(layers: Sequence[Layer]) -> list[PlannedLayer]:
    """The five convolutions of a dense block."""
    growth, features = layers[0][0].shape[:2]
    return [PlannedLayer(layer, features, growth) for layer in layers]


def plan_dense_block_int8(layers: Sequence[Layer], ranges: Tensor) -> list[Planned]:
    """The same in bytes; ``ranges`` (36, F + 4 * G) are those of the features, on any device."""
    growth, features = layers[0][0].shape[:2]
    levels = pad_segments(to_levels(ranges).cpu(), [features] + 4 * [growth], _PANEL)
    return [PlannedLevels(levels), *(PlannedLayer(layer, features, growth, levels=levels) for layer in layers)]


def plan_tail(upsamplings: Sequence[Layer], hr: Layer, last: Layer) -> list[PlannedLayer]:
    """All of the network that follows the trunk."""
    return [*(plan_upsampling(layer) for layer in upsamplings), plan_conv(hr), plan_conv(last)]


def pack(planned: Sequence[Planned]) -> Tensor:
    """Packs layers one after the other, whose shapes have been checked.

    Returns:
        One flat float32 tensor.

    Raises:
        InputError: a layer is not float32 on the CPU.
        ExtensionError: the compiled extension cannot be used.
    """
    for item in planned:
        item.check()
    _ext.load()
    parameters: Tensor = torch.ops.srdgan_rt.empty_parameters(sum(item.size for item in planned))
    start = 0
    for item in planned:
        item.pack(parameters[start : start + item.size])
        start += item.size
    return parameters


def refuse_gradients(op: str) -> None:
    """Makes gradients through an op of packed layers an error; without this they would be left out with a warning."""
    torch.library.register_autograd(f"srdgan_rt::{op}", _refuse)


def _refuse(ctx: Any, grad: Tensor) -> None:
    raise InputError("packed layers are for inference, got a call for gradients; srdgan_rt.ops.reference has them")


def _fake_empty_parameters(floats: int) -> Tensor:
    return torch.empty(floats, dtype=torch.float32, device="cpu")


def _pad(channels: int) -> int:
    return -(-channels // _PANEL) * _PANEL


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::empty_parameters", _fake_empty_parameters)
