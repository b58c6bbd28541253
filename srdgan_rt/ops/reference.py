"""The ops in plain PyTorch: the reference for tests of the compiled ops; they also run without the extension.

Where a compiled op takes packed layers, its reference takes the arguments of ``<op>_pack``: the layers themselves, in
any floating-point type and on any device. The results are differentiable in the layers and the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srdgan_rt.ops._checks import (
    check_block_train,
    check_downsample,
    check_input,
    check_upsample_conv,
    check_weight,
)
from srdgan_rt.ops._int8 import POINTS, check_ranges, conv_int8, to_levels
from srdgan_rt.ops._int8 import measure_deviations as measure_deviations
from srdgan_rt.ops._int8 import measure_spreads as measure_spreads
from srdgan_rt.ops._int8 import transform_features as transform_features
from srdgan_rt.ops._layers import (
    BLOCKS_PER_RRDB,
    CONVS_PER_BLOCK,
    NEGATIVE_SLOPE,
    RESIDUAL_SCALE,
    L2HLayers,
    Layer,
    check_dense_block,
    check_net,
    check_tail,
    check_trunk,
    split_blocks,
)


def nearest_downsample(
    x: Tensor,  # (N, C, H, W)
    factor: int,
    phase: int | None = None,
    *,
    shot_noise: float = 0.0,
    read_noise: float = 0.0,
    seed: int = 0,
) -> Tensor:  # (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor))
    """Same contract as :func:`srdgan_rt.ops.nearest_downsample`."""
    phase = check_downsample(x, factor, phase, shot_noise, read_noise, seed)
    samples = x[:, :, phase::factor, phase::factor].contiguous()
    samples = samples.float() / 255 if x.dtype == torch.uint8 else samples
    if shot_noise == read_noise == 0:
        return samples
    normals = standard_normals(samples.numel(), seed).to(samples).reshape(samples.shape)
    return samples + (shot_noise * samples.clamp(min=0) + read_noise**2).sqrt() * normals


_LOW = 0xFFFFFFFF  # the lowest 32 bits


def standard_normals(count: int, seed: int) -> Tensor:  # (count,) float64
    """The first normal values of a seed: Philox4x32-10 and the transform of Box and Muller, as in
    ``csrc/common/philox_noise.h``."""
    quads = torch.arange(-(-count // 4))
    zero = torch.zeros_like(quads)
    words = [quads & _LOW, quads >> 32, zero, zero]
    key = [seed & _LOW, seed >> 32 & _LOW]
    for _ in range(10):
        even_high, even_low = _multiply(0xD2511F53, words[0])
        odd_high, odd_low = _multiply(0xCD9E8D57, words[2])
        words = [odd_high ^ words[1] ^ key[0], odd_low, even_high ^ words[3] ^ key[1], even_low]
        key = [key[0] + 0x9E3779B9 & _LOW, key[1] + 0xBB67AE85 & _LOW]
    distances, angles = torch.stack(words[0::2], 1), torch.stack(words[1::2], 1)  # (quads, 2)
    radii = (-2 * torch.log((distances >> 8 | 1).double() / 2**24)).sqrt()
    # The highest two bits are the quadrant; the others, with sign, are the angle from its middle.
    rest = angles & (1 << 30) - 1
    turns = ((angles >> 30) + (rest - (rest >> 29 << 30)).double() / 2**30) / 4
    normals = torch.polar(radii, 2 * torch.pi * turns)
    return torch.view_as_real(normals).flatten()[:count]


def _multiply(factor: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of a product of 32-bit numbers, in numbers of 64 bits with sign."""
    low = factor * (x & 0xFFFF)
    high = factor * (x >> 16) + (low >> 16)
    return high >> 16, (high & 0xFFFF) << 16 | low & 0xFFFF


def upsample_conv(
    x: Tensor,  # (N, C_in, H, W)
    weight: Tensor,  # (C_out, C_in, 3, 3)
    bias: Tensor | None = None,  # (C_out,)
    negative_slope: float = 0.2,
) -> Tensor:  # (N, C_out, 2H, 2W)
    """Same contract as :func:`srdgan_rt.ops.upsample_conv`, in any floating-point type."""
    check_upsample_conv(x, weight, bias, negative_slope)
    enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.leaky_relu(F.conv2d(enlarged, weight, bias, padding=1), negative_slope)


def conv3x3_train(
    x: Tensor,  # (N, C_in, H, W)
    weight: Tensor,  # (C_out, C_in, 3, 3)
    bias: Tensor,  # (C_out,)
    negative_slope: float = 1.0,
) -> Tensor:  # (N, C_out, H, W)
    """Same contract as :func:`srdgan_rt.ops.conv3x3_train`, in any floating-point type and on any device."""
    check_weight(weight, bias)
    check_input(x, weight.shape[1], weight.dtype, negative_slope)
    return F.leaky_relu(_conv(x, (weight, bias)), negative_slope)


def dense_block_train(
    x: Tensor,  # (N, F, H, W)
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    negative_slope: float = 0.2,
    residual_scale: float = 0.2,
) -> Tensor:  # (N, F, H, W)
    """Same contract as :func:`srdgan_rt.ops.dense_block_train`, in any floating-point type and on any device."""
    check_block_train(weights, biases, residual_scale)
    check_input(x, weights[0].shape[1], weights[0].dtype, negative_slope)
    features = [x]
    for layer in zip(weights[:-1], biases[:-1], strict=True):
        features.append(F.leaky_relu(_conv(torch.cat(features, 1), layer), negative_slope))
    return x + residual_scale * _conv(torch.cat(features, 1), (weights[-1], biases[-1]))


def dense_block(
    x: Tensor,  # (N, F, H, W)
    layers: Sequence[Layer],
    negative_slope: float = 0.2,
) -> Tensor:  # (N, F, H, W)
    """Same contract as :func:`srdgan_rt.ops.dense_block`, from the layers of :func:`srdgan_rt.ops.dense_block_pack`."""
    features, _ = check_dense_block(layers)
    check_input(x, features, layers[0][0].dtype, negative_slope)
    return _dense_block(x, layers, negative_slope)


def rrdb_trunk(
    x: Tensor,  # (N, F, H, W)
    layers: Sequence[Layer],
    negative_slope: float = 0.2,
) -> Tensor:  # (N, F, H, W)
    """Same contract as :func:`srdgan_rt.ops.rrdb_trunk`, from the layers of :func:`srdgan_rt.ops.rrdb_trunk_pack`."""
    features, _ = check_trunk(layers)
    check_input(x, features, layers[0][0].dtype, negative_slope)
    return _rrdb_trunk(x, layers, negative_slope)


def l2h_tail(
    x: Tensor,  # (N, F, H, W)
    upsamplings: Sequence[Layer],
    hr: Layer,
    last: Layer,
    negative_slope: float = 0.2,
) -> Tensor:  # (N, 3, scale * H, scale * W)
    """Same contract as :func:`srdgan_rt.ops.l2h_tail`, from the layers of :func:`srdgan_rt.ops.l2h_tail_pack`."""
    features = check_tail(upsamplings, hr, last)
    check_input(x, features, hr[0].dtype, negative_slope)
    for weight, bias in upsamplings:
        x = upsample_conv(x, weight, bias, negative_slope)
    return _conv(F.leaky_relu(_conv(x, hr), negative_slope), last)


def l2h_net(
    picture: Tensor,  # (N, C, H, W)
    layers: L2HLayers,
    ranges: Sequence[Tensor] | None = None,
    *,
    bf16: bool = False,
) -> Tensor:  # (N, 3, scale * H, scale * W)
    """Same contract as :func:`srdgan_rt.ops.l2h_net`, from the arguments of :func:`srdgan_rt.ops.l2h_net_pack`.

    With ``ranges``, gradients through the dense blocks' convolutions are zero, like those of rounding, and the compiled
    extension is needed, which defines the points of Winograd's transform. With ``bf16``, gradients are those of the
    rounded numbers.
    """
    num_features, growth = check_net(layers)
    check_input(picture, layers.first[0].shape[1], layers.first[0].dtype, NEGATIVE_SLOPE, "picture")
    if ranges is not None:
        check_ranges(ranges, len(layers.dense) // CONVS_PER_BLOCK, num_features, growth)
    features = _conv(picture, layers.first)
    features = features + _conv(_rrdb_trunk(features, layers.dense, NEGATIVE_SLOPE, ranges, bf16=bf16), layers.body)
    if bf16:
        return _split_tail(features, layers)
    return l2h_tail(features, layers.upsamplings, layers.hr, layers.last, NEGATIVE_SLOPE)


def _conv(x: Tensor, layer: Layer) -> Tensor:
    weight, bias = layer
    return F.conv2d(x, weight, bias, padding=1)


def _round(x: Tensor) -> Tensor:
    return x.bfloat16().to(x.dtype)


def _round_taps(weight: Tensor) -> Tensor:  # (C_out, C_in, k, k)
    """Rounds weights to bfloat16; what rounding takes from a tap is added to the next smaller one."""
    flat = weight.flatten(2)
    order = flat.abs().argsort(dim=2, descending=True, stable=True)
    taps, error = [], torch.zeros(())
    for tap in flat.gather(2, order).unbind(2):
        taps.append(_round(tap + error))
        error = tap + error - taps[-1]
    return torch.stack(taps, 2).gather(2, order.argsort(2)).reshape(weight.shape)


def _split(x: Tensor) -> Tensor:
    """Two bfloat16 of each number: the number rounded, and what the rounding left."""
    return _round(x) + _round(x - _round(x))


def _split_tail(x: Tensor, layers: L2HLayers) -> Tensor:  # (N, F, H, W) -> (N, 3, scale * H, scale * W)
    def conv(x: Tensor, layer: Layer) -> Tensor:
        return F.conv2d(_split(x), _round_taps(layer[0]), layer[1], padding=1)

    for weight, bias in layers.upsamplings:
        x = F.leaky_relu(_enlarge(_split(x), weight, bias), NEGATIVE_SLOPE)
    return conv(F.leaky_relu(conv(x, layers.hr), NEGATIVE_SLOPE), layers.last)


def _enlarge(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # (N, F, H, W) -> (N, F, 2 * H, 2 * W)
    """Nearest x2 enlargement and a convolution with rounded weights, as four convolutions of 2x2 taps."""
    halves = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]]).double()  # (phase, pixel, tap)
    phases = []
    for rows in halves:
        for columns in halves:
            taps = torch.einsum("ai,bj,onij->onab", rows, columns, weight.double()).to(weight.dtype)
            phases.append(F.conv2d(F.pad(x, (1, 1, 1, 1)), _round_taps(taps), bias))  # (N, F, H + 1, W + 1)
    height, width = x.shape[2:]
    corners = [phases[2 * i + j][:, :, i : i + height, j : j + width] for i in range(2) for j in range(2)]
    return F.pixel_shuffle(torch.stack(corners, 2).flatten(1, 2), 2)


def _dense_block(
    x: Tensor, layers: Sequence[Layer], negative_slope: float, ranges: Tensor | None = None, *, bf16: bool = False
) -> Tensor:
    if ranges is not None:
        levels, spreads = to_levels(ranges), measure_spreads(x, ranges[POINTS, : x.shape[1]])

    def conv(features: list[Tensor], layer: Layer) -> Tensor:
        x = torch.cat(features, 1)
        if ranges is not None:
            return conv_int8(x, layer, levels, spreads)
        return _conv(_round(x), (_round_taps(layer[0]), layer[1])) if bf16 else _conv(x, layer)

    features = [x]
    for layer in layers[:-1]:
        features.append(F.leaky_relu(conv(features, layer), negative_slope))
    return x + RESIDUAL_SCALE * conv(features, layers[-1])


def _rrdb_trunk(
    x: Tensor,
    layers: Sequence[Layer],
    negative_slope: float,
    ranges: Sequence[Tensor] | None = None,
    *,
    bf16: bool = False,
) -> Tensor:
    shortcut = x
    for index, block in enumerate(split_blocks(layers)):
        x = _dense_block(x, block, negative_slope, None if ranges is None else ranges[index], bf16=bf16)
        if index % BLOCKS_PER_RRDB == BLOCKS_PER_RRDB - 1:
            x = shortcut = shortcut + RESIDUAL_SCALE * x
    return x
