"""The arithmetic of int8 dense blocks in plain PyTorch, and the rules for activation ranges."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._layers import Layer

POINTS = 36
_TILE = 4
_WINDOW = 6
_INPUT_LIMIT = 127
_WEIGHT_LIMIT = 127
_SMALLEST_RANGE = 1e-6  # relative to the largest one
_SMALLEST_DEVIATION = 1e-3  # relative to the largest one
_SMALLEST_SPREAD = 0.05


def transforms(like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices B' (6, 6), G (6, 3) and A' (4, 6) of Winograd's F(4x4, 3x3) with the points of the compiled kernels.

    Args:
        like: the matrices have the type and device of this tensor.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    _ext.load()
    b, g, a = (like.new_tensor(values) for values in torch.ops.srdgan_rt.winograd_int8_matrices())
    return b.reshape(_WINDOW, _WINDOW), g.reshape(_WINDOW, 3), a.reshape(_TILE, _WINDOW)


def transform_features(x: Tensor) -> tuple[Tensor, Tensor]:  # (N, C, H, W) -> (36, C, N * tiles), (C, N * tiles)
    """Takes feature maps, zero-padded by 1, apart into the means of their tiles and the rest in Winograd's domain.

    Args:
        x: (N, C, H, W), any floating-point type and device.

    Returns:
        (36, C, N * ceil(H / 4) * ceil(W / 4)): the value at each point for each tile of 4x4 outputs, after the tile's
        mean was subtracted; and the means of the tiles' 4x4 inputs, (C, N * ceil(H / 4) * ceil(W / 4)).

    Raises:
        ExtensionError: the compiled extension, which defines the points, cannot be used.
    """
    batch, channels, _, _ = x.shape
    x, means = _take_means(x)
    b, _, _ = transforms(x)
    kernels = torch.einsum("pi,qj->pqij", b, b).reshape(POINTS, 1, _WINDOW, _WINDOW)
    points = F.conv2d(x.flatten(0, 1)[:, None], kernels, stride=_TILE)  # (N * C, 36, rows, columns)
    points = points.reshape(batch, channels, POINTS, -1).permute(2, 1, 0, 3).reshape(POINTS, channels, -1)
    means = means.transpose(0, 1).reshape(channels, -1)
    return points - kernels.sum((2, 3))[:, :, None] * means, means


def _take_means(x: Tensor) -> tuple[Tensor, Tensor]:  # (N, C, 4 * rows + 2, 4 * columns + 2), (N, C, rows, columns)
    """Feature maps, zero-padded by 1 and to whole tiles, and the means of their tiles."""
    x = F.pad(x, (0, -x.shape[3] % _TILE, 0, -x.shape[2] % _TILE))
    return F.pad(x, (1, 1, 1, 1)), F.avg_pool2d(x, _TILE)


def measure_deviations(x: Tensor) -> Tensor:  # (N, C, H, W) -> (C, N * tiles)
    """Mean squares of the differences of the tiles, with a border of one pixel, from the tiles' means.

    Args:
        x: (N, C, H, W), any floating-point type and device.

    Returns:
        (C, N * ceil(H / 4) * ceil(W / 4)).
    """
    x, means = _take_means(x)
    windows = x.unfold(2, _WINDOW, _TILE).unfold(3, _WINDOW, _TILE)  # (N, C, rows, columns, 6, 6)
    squares = (windows - means[..., None, None]).square().mean((4, 5))
    return squares.transpose(0, 1).flatten(1)


def measure_spreads(x: Tensor, deviations: Tensor) -> Tensor:  # (N, C, H, W), (C,) -> (N * tiles,)
    """How much the input of a dense block varies in each of its tiles, in units of what is typical.

    Args:
        x: (N, C, H, W), the block's input.
        deviations: (C,), the typical root mean square of the differences of the tiles from their means.
    """
    deviations = deviations.detach().to(x)
    deviations = deviations.clamp_min(max(_SMALLEST_DEVIATION * float(deviations.amax()), 1e-6))
    squares = measure_deviations(x) / deviations.square()[:, None]
    return squares.mean(0).sqrt().clamp_min(_SMALLEST_SPREAD)


def check_ranges(ranges: Sequence[Tensor], num_dense_blocks: int, features: int, growth: int) -> None:
    """Checks the ranges of all dense blocks.

    Raises:
        InputError: their number or a shape is wrong, or a value is negative or not finite.
    """
    if len(ranges) != num_dense_blocks:
        raise InputError(f"ranges must be one for each of {num_dense_blocks} dense blocks, got {len(ranges)}")
    shape = (POINTS + 1, features + 4 * growth)
    for index, block in enumerate(ranges):
        if tuple(block.shape) != shape:
            raise InputError(f"the ranges of dense block {index + 1} must be {shape}, got {tuple(block.shape)}")
        if not bool((block.isfinite() & (block >= 0)).all()):
            raise InputError(f"the ranges of dense block {index + 1} must be finite and at least 0")


def to_levels(ranges: Tensor) -> Tensor:  # (37, C) -> (36, C)
    """Quantisation steps per unit. Channels that are always 0 get so many that their weights become negligible."""
    ranges = ranges[:POINTS].detach().to(torch.float32)
    return _INPUT_LIMIT / ranges.clamp_min(max(_SMALLEST_RANGE * float(ranges.amax()), _SMALLEST_RANGE))


def conv_int8(x: Tensor, layer: Layer, levels: Tensor, spreads: Tensor) -> Tensor:  # -> (N, C_out, H, W)
    """A 3x3 convolution in Winograd's domain with int8 inputs and weights, but for the means of the tiles.

    Args:
        x: (N, C_in, H, W).
        layer: (C_out, C_in, 3, 3) and (C_out,).
        levels: (36, at least C_in) from :func:`to_levels`; further columns are not used.
        spreads: (N * tiles,) from :func:`measure_spreads`.

    Returns:
        (N, C_out, H, W), type of ``x``.
    """
    weight, bias = layer
    batch, in_channels, height, width = x.shape
    levels = levels[:, :in_channels].to(x)
    features, means = transform_features(x)
    inputs = torch.round(features / spreads * levels[..., None]).clamp(-_INPUT_LIMIT, _INPUT_LIMIT)
    weight = weight.double()
    _, g, _ = transforms(weight)
    weights = torch.einsum("pi,qj,ncij->pqnc", g, g, weight).flatten(0, 1) / levels[:, None].double()
    largest = weights.abs().amax(2, keepdim=True)  # (36, C_out, 1)
    steps = torch.where(largest > 0, largest / _WEIGHT_LIMIT, 1)
    sums = torch.round(weights / steps) @ inputs.double()  # integers below 2^53: exact
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    points = (sums * steps).to(x.dtype).mul(spreads).reshape(_WINDOW, _WINDOW, -1, batch, rows, columns)
    _, _, a = transforms(x)
    outputs = torch.einsum("ip,jq,pqnbyx->bnyixj", a, a, points)
    constants = weight.sum((2, 3)).to(x) @ means + bias[:, None]  # what a tile's mean adds to all its outputs
    constants = constants.reshape(-1, batch, rows, columns).transpose(0, 1)
    outputs = (outputs + constants[:, :, :, None, :, None]).reshape(batch, -1, _TILE * rows, _TILE * columns)
    return outputs[..., :height, :width]
