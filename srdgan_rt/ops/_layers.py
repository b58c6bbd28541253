"""The convolutions of the L2H network as arguments of the ops, and checks of their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_weight

Layer: TypeAlias = tuple[Tensor, Tensor]
"""Weight (C_out, C_in, 3, 3) and bias (C_out,) of one convolution, in one floating-point type."""

CONVS_PER_BLOCK = 5
BLOCKS_PER_RRDB = 3
IMAGE_CHANNELS = 3
PICTURE_CHANNELS = (3, 12, 48)  # RGB, or RGB after a pixel-unshuffle by 2 or 4
MAX_UPSAMPLINGS = 2
RESIDUAL_SCALE = 0.2
NEGATIVE_SLOPE = 0.2


@dataclass(frozen=True)
class L2HLayers:
    """(weight, bias) of every convolution of the network, in the order in which they are applied.

    Args:
        first: convolution from the picture, which has 3, 12 or 48 channels, to features.
        dense: convolutions of all dense blocks, 15 per RRDB.
        body: convolution after the dense blocks.
        upsamplings: the 0, 1 or 2 convolutions that each follow a nearest x2 enlargement.
        hr: first convolution at the result's resolution.
        last: convolution from features to the result.
    """

    first: Layer
    dense: Sequence[Layer]
    body: Layer
    upsamplings: Sequence[Layer]
    hr: Layer
    last: Layer


def split_blocks(layers: Sequence[Layer]) -> list[Sequence[Layer]]:
    """The five layers of each dense block."""
    return [layers[i : i + CONVS_PER_BLOCK] for i in range(0, len(layers), CONVS_PER_BLOCK)]


def check_dense_block(layers: Sequence[Layer]) -> tuple[int, int]:
    """Checks the five layers of a dense block; returns its features and growth channels."""
    if len(layers) != CONVS_PER_BLOCK:
        raise InputError(f"a dense block has {CONVS_PER_BLOCK} convolutions, got {len(layers)}")
    return _check_blocks(layers)


def check_trunk(layers: Sequence[Layer]) -> tuple[int, int]:
    """Checks the layers of a trunk of RRDBs; returns its features and growth channels."""
    per_rrdb = BLOCKS_PER_RRDB * CONVS_PER_BLOCK
    if not layers or len(layers) % per_rrdb:
        raise InputError(f"an RRDB has {per_rrdb} convolutions, got {len(layers)}")
    return _check_blocks(layers)


def check_tail(upsamplings: Sequence[Layer], hr: Layer, last: Layer) -> int:
    """Checks the layers of a tail; returns its features."""
    if len(upsamplings) > MAX_UPSAMPLINGS:
        raise InputError(f"a tail has 0, 1 or {MAX_UPSAMPLINGS} upsamplings, got {len(upsamplings)}")
    check_weight(*hr)
    features: int = hr[0].shape[1]
    for index, layer in enumerate(upsamplings):
        _check_layer(f"upsampling {index + 1}", layer, features, features, hr)
    _check_layer("hr", hr, features, features, hr)
    _check_layer("last", last, IMAGE_CHANNELS, features, hr)
    return features


def check_net(layers: L2HLayers) -> tuple[int, int]:
    """Checks the layers of a network; returns its features and growth channels."""
    features, growth = check_trunk(layers.dense)
    like = layers.dense[0]
    check_weight(*layers.first)
    in_channels = layers.first[0].shape[1]
    _check_layer(
        "first", layers.first, features, in_channels if in_channels in PICTURE_CHANNELS else IMAGE_CHANNELS, like
    )
    _check_layer("body", layers.body, features, features, like)
    _check_layer("hr", layers.hr, features, features, like)
    check_tail(layers.upsamplings, layers.hr, layers.last)
    return features, growth


def _check_blocks(layers: Sequence[Layer]) -> tuple[int, int]:
    """Checks dense blocks; the first weight decides the sizes of all others."""
    check_weight(*layers[0])
    growth, features = layers[0][0].shape[:2]
    for index, layer in enumerate(layers):
        block, conv = divmod(index, CONVS_PER_BLOCK)
        out_channels = growth if conv + 1 < CONVS_PER_BLOCK else features
        name = f"convolution {conv + 1} of dense block {block + 1}"
        _check_layer(name, layer, out_channels, features + conv * growth, layers[0])
    return features, growth


def _check_layer(name: str, layer: Layer, out_channels: int, in_channels: int, like: Layer) -> None:
    """Checks one layer. ``like`` is another layer of the network, whose type and device it must have."""
    weight, bias = layer
    shape = (out_channels, in_channels, 3, 3)
    if tuple(weight.shape) != shape:
        raise InputError(f"the weight of {name} must be {shape}, got {tuple(weight.shape)}")
    if bias is None or tuple(bias.shape) != (out_channels,):
        got = None if bias is None else tuple(bias.shape)
        raise InputError(f"the bias of {name} must be ({out_channels},), got {got}")
    for part, tensor in (("weight", weight), ("bias", bias)):
        if (tensor.dtype, tensor.device) != (like[0].dtype, like[0].device):
            rule = f"all layers must be {like[0].dtype} on {like[0].device}"
            raise InputError(f"{rule}, got the {part} of {name} in {tensor.dtype} on {tensor.device}")
