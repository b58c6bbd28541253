"""Dense blocks, one or many, in Winograd's domain on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_input, check_same_device
from srdgan_rt.ops._layers import Layer, check_dense_block, check_trunk
from srdgan_rt.ops._pack import check_packed, name_dense, pack, refuse_gradients


@dataclass(frozen=True)
class PackedTrunk:
    """Dense blocks as the CPU kernel reads them; made by :func:`dense_block_pack` or :func:`rrdb_trunk_pack`."""

    weights: Tensor  # (bytes,) uint8, opaque
    num_features: int
    has_rrdbs: bool


def dense_block_pack(layers: Sequence[Layer]) -> PackedTrunk:
    """Transforms the weights of one dense block for :func:`dense_block`.

    Args:
        layers: (weight, bias) of its five convolutions: (G, F + i * G, 3, 3) for i = 0..3, then (F, F + 4 * G, 3, 3);
            float32 on the CPU. F and G may be any numbers; multiples of 16 are most efficient.

    Returns:
        The packed block. It is for inference only: it has no gradients.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    features, _ = check_dense_block(layers)
    return PackedTrunk(pack("dense block", name_dense(layers)), features, has_rrdbs=False)


def rrdb_trunk_pack(layers: Sequence[Layer]) -> PackedTrunk:
    """Transforms the weights of a trunk of RRDBs for :func:`rrdb_trunk`.

    Args:
        layers: (weight, bias) of all its convolutions in the order in which they are applied, 15 for each RRDB; shapes
            as in :func:`dense_block_pack`.

    Returns:
        The packed trunk. It is for inference only: it has no gradients.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    features, _ = check_trunk(layers)
    return PackedTrunk(pack("trunk", name_dense(layers)), features, has_rrdbs=True)


def dense_block(
    x: Tensor,  # (N, F, H, W)
    block: PackedTrunk,
    negative_slope: float = 0.2,
) -> Tensor:  # (N, F, H, W)
    """One residual dense block (RDB; paper, section 3.3.1, after ESRGAN): ``x + 0.2 * conv5(...)``.

    Five 3x3 convolutions, each of which reads everything before it, by Winograd's F(4x4, 3x3); every feature is
    transformed once. Deterministic for any number of threads. See docs/design/kernels.md for the arithmetic.

    Args:
        x: (N, F, H, W) float32 on the CPU, H and W at least 1, N may be 0; channels_last avoids a copy.
        block: the block, from :func:`dense_block_pack`.
        negative_slope: slope of the LeakyReLU after the first four convolutions, 0..1.

    Returns:
        (N, F, H, W) float32, channels_last.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    if block.has_rrdbs:
        raise InputError("dense_block needs a block from dense_block_pack, got a trunk from rrdb_trunk_pack")
    return _run(x, block, negative_slope)


def rrdb_trunk(
    x: Tensor,  # (N, F, H, W)
    trunk: PackedTrunk,
    negative_slope: float = 0.2,
) -> Tensor:  # (N, F, H, W)
    """A sequence of residual-in-residual dense blocks (RRDB; paper, section 3.3.1).

    Each RRDB is three :func:`dense_block` with a scaled shortcut around them: ``x + 0.2 * (...)``. Between blocks,
    activations stay in the kernel's layout.

    Args:
        x: (N, F, H, W) float32 on the CPU, H and W at least 1, N may be 0; channels_last avoids a copy.
        trunk: the trunk, from :func:`rrdb_trunk_pack`.
        negative_slope: slope of every LeakyReLU for negative values, 0..1.

    Returns:
        (N, F, H, W) float32, channels_last.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    if not trunk.has_rrdbs:
        raise InputError("rrdb_trunk needs a trunk from rrdb_trunk_pack, got a block from dense_block_pack")
    return _run(x, trunk, negative_slope)


def _run(x: Tensor, trunk: PackedTrunk, negative_slope: float) -> Tensor:
    check_input(x, trunk.num_features, torch.float32, negative_slope)
    check_same_device(x=x, weights=trunk.weights)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.dense_blocks(x, trunk.weights, float(negative_slope))
    return result


def _fake(x: Tensor, weights: Tensor, negative_slope: float) -> Tensor:
    check_packed(x, weights)
    return torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::dense_blocks", _fake)
    refuse_gradients("dense_blocks")
