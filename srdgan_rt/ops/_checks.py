"""Argument checks with one-line messages, made before the C++ code runs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from srdgan_rt.errors import InputError

_MAX_NOISE = 1000  # as in csrc/ops/checks.h


def check_downsample(
    x: Tensor, factor: int, phase: int | None, shot_noise: float = 0, read_noise: float = 0, seed: int = 0
) -> int:
    """Checks the arguments of nearest_downsample and fills in the default phase."""
    if x.ndim != 4:
        raise InputError(f"x must be (N, C, H, W), got {x.ndim} dimensions")
    if x.dtype not in (torch.uint8, torch.float32):
        raise InputError(f"x must be uint8 or float32, got {x.dtype}")
    if factor < 1:
        raise InputError(f"factor must be at least 1, got {factor}")
    if phase is None:
        phase = factor // 2
    if not 0 <= phase < factor:
        raise InputError(f"phase must be 0..{factor - 1}, got {phase}")
    if x.shape[2] <= phase or x.shape[3] <= phase:
        raise InputError(f"x must be larger than the phase {phase}, got {x.shape[2]}x{x.shape[3]}")
    for name, value in {"shot_noise": shot_noise, "read_noise": read_noise}.items():
        if not 0 <= value <= _MAX_NOISE:
            raise InputError(f"{name} must be 0..{_MAX_NOISE}, got {value}")
    if not -(2**63) <= seed < 2**63:
        raise InputError(f"seed must be a number of 64 bits with sign, got {seed}")
    return phase


def check_upsample_conv(x: Tensor, weight: Tensor, bias: Tensor | None, negative_slope: float) -> None:
    """Checks the arguments of upsample_conv."""
    check_weight(weight, bias)
    check_input(x, weight.shape[1], weight.dtype, negative_slope)


def check_weight(weight: Tensor, bias: Tensor | None) -> None:
    """Checks weight (C_out, C_in, 3, 3) and bias (C_out,)."""
    if weight.ndim != 4 or tuple(weight.shape[2:]) != (3, 3) or 0 in weight.shape:
        raise InputError(f"weight must be (C_out, C_in, 3, 3), got {tuple(weight.shape)}")
    if bias is None:
        return
    if bias.ndim != 1 or bias.shape[0] != weight.shape[0]:
        raise InputError(f"bias must be ({weight.shape[0]},), got {tuple(bias.shape)}")
    if bias.dtype != weight.dtype:
        raise InputError(f"bias must have the type of the weight, {weight.dtype}, got {bias.dtype}")


def check_block_train(weights: Sequence[Tensor], biases: Sequence[Tensor], residual_scale: float) -> None:
    """Checks the parameters of dense_block_train."""
    if not 2 <= len(weights) <= 17 or len(biases) != len(weights):
        raise InputError(
            f"a dense block must have 2..17 weights and as many biases, got {len(weights)} and {len(biases)}"
        )
    if residual_scale == 0:
        raise InputError("residual_scale must not be 0")
    for weight, bias in zip(weights, biases, strict=True):
        check_weight(weight, bias)
    growth, features = weights[0].shape[:2]
    for index, weight in enumerate(weights):
        wanted = (features if index == len(weights) - 1 else growth, features + index * growth)
        if tuple(weight.shape[:2]) != wanted:
            raise InputError(
                f"weight {index} of a dense block must be ({wanted[0]}, {wanted[1]}, 3, 3), got {tuple(weight.shape)}"
            )


def check_input(x: Tensor, in_channels: int, dtype: torch.dtype, negative_slope: float, name: str = "x") -> None:
    """Checks that x (N, C_in, H, W) fits the weights; ``name`` is what error messages call it."""
    if x.ndim != 4 or x.shape[2] < 1 or x.shape[3] < 1:
        raise InputError(f"{name} must be (N, C, H, W) with H and W of at least 1, got {tuple(x.shape)}")
    if x.shape[1] != in_channels:
        raise InputError(f"{name} must have the {in_channels} channels of the weight, got {x.shape[1]}")
    if x.dtype != dtype:
        raise InputError(f"{name} must have the type of the weight, {dtype}, got {x.dtype}")
    if not 0 <= negative_slope <= 1:
        raise InputError(f"negative_slope must be 0..1, got {negative_slope}")


def check_float32(op: str, **tensors: Tensor | None) -> None:
    """Checks that all tensors are float32, the only type of the compiled ops."""
    for name, tensor in tensors.items():
        if tensor is not None and tensor.dtype != torch.float32:
            raise InputError(f"{op} computes in float32, got {name} in {tensor.dtype}")


def check_same_device(**tensors: Tensor | None) -> None:
    """Checks that all tensors are on the same device."""
    devices = {name: tensor.device for name, tensor in tensors.items() if tensor is not None}
    if len(set(devices.values())) > 1:
        places = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise InputError(f"all tensors must be on one device, got {places}")
