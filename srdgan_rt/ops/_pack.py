"""Packs layers into one tensor of bytes, the form that the CPU kernels read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_same_device
from srdgan_rt.ops._layers import BLOCKS_PER_RRDB, Layer, split_blocks


def pack(
    part: str, layers: Mapping[str, Layer], products: str = "fp32", ranges: Sequence[Tensor] | None = None
) -> Tensor:
    """Packs a part of a network, whose shapes have been checked.

    Args:
        part: ``net``, ``trunk``, ``dense block`` or ``tail``.
        layers: layers of this part by their names in a weight file.
        products: what the dense blocks and the layers behind them multiply: ``fp32``, ``int8`` (the layers behind in
            fp32), ``bf16``, or ``int8 and bf16`` (the layers behind in bf16).
        ranges: one tensor (37, F + 4 * G) per dense block, where they multiply in int8.

    Returns:
        (bytes,) uint8 on the CPU. Opaque: the layout is defined in csrc/kernels/cpu/l2h_weights.h.

    Raises:
        InputError: a layer is not float32 on the CPU.
        ExtensionError: the compiled extension cannot be used.
    """
    tensors = {}
    for name, layer in layers.items():
        for kind, tensor in zip(("weight", "bias"), layer, strict=True):
            if tensor.dtype != torch.float32:
                raise InputError(f"the CPU kernels compute in float32, got a {kind} in {tensor.dtype}")
            if tensor.device.type != "cpu":
                raise InputError(f"layers are packed for the CPU, got a {kind} on {tensor.device}")
            tensors[f"{name}.{kind}"] = tensor.detach().contiguous()
    _ext.load()
    stacked = None if ranges is None else torch.stack([r.detach().to("cpu", torch.float32) for r in ranges])
    packed: Tensor = torch.ops.srdgan_rt.l2h_pack(part, list(tensors), list(tensors.values()), products, stacked)
    return packed


def name_dense(layers: Sequence[Layer]) -> dict[str, Layer]:
    """The layers of dense blocks by their names."""
    return {
        f"body.{block // BLOCKS_PER_RRDB}.rdb{block % BLOCKS_PER_RRDB + 1}.conv{conv + 1}": layer
        for block, convs in enumerate(split_blocks(layers))
        for conv, layer in enumerate(convs)
    }


def name_tail(upsamplings: Sequence[Layer], hr: Layer, last: Layer) -> dict[str, Layer]:
    """The layers of a tail by their names."""
    named = {f"conv_up{index}": layer for index, layer in enumerate(upsamplings, 1)}
    return {**named, "conv_hr": hr, "conv_last": last}


def check_packed(x: Tensor, weights: Tensor) -> None:
    """Checks the arguments while tracing, where the compiled op, which checks them otherwise, is not run."""
    if x.ndim != 4:
        raise InputError(f"x must be (N, C, H, W), got {x.ndim} dimensions")
    check_same_device(x=x, weights=weights)


def refuse_gradients(op: str, reason: str = "packed layers are for inference") -> None:
    """Makes gradients through an op an error with a reason; PyTorch would only warn and leave them out."""

    def refuse(ctx: Any, *grads: Tensor | None) -> None:
        raise InputError(f"{reason}, got a call for gradients; srdgan_rt.ops.reference has them")

    torch.library.register_autograd(f"srdgan_rt::{op}", refuse)


def _fake_pack(part: str, names: list[str], tensors: list[Tensor], products: str, ranges: Tensor | None) -> Tensor:
    size = torch.library.get_ctx().new_dynamic_size()  # the packer knows it
    return torch.empty(size, dtype=torch.uint8, device="cpu")


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::l2h_pack", _fake_pack)
