"""Nearest x2 enlargement, 3x3 convolution and LeakyReLU as one op: the upsampling layer of the L2H network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input, conv2d_weight

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_float32, check_input, check_same_device, check_upsample_conv, check_weight
from srdgan_rt.ops._pack import refuse_gradients

_PANEL = 16  # channels per panel of the packed weights
_PRODUCTS = 25  # matrices per layer in the packed weights


def upsample_conv(
    x: Tensor,  # (N, C_in, H, W)
    weight: Tensor,  # (C_out, C_in, 3, 3)
    bias: Tensor | None = None,  # (C_out,)
    negative_slope: float = 0.2,
) -> Tensor:  # (N, C_out, 2H, 2W)
    """``leaky_relu(conv2d(nearest x2 of x, weight, bias, padding=1), negative_slope)``, without storing the enlarged x.

    The upsampling layers of the L2H network have this form (paper, section 3.3.1). The enlarged x repeats each sample
    four times, so that taps can be summed; docs/design/kernels.md derives the form. The result is the same for any
    number of threads. Rounding errors are as large as PyTorch's own; an infinite input may give NaN instead of inf.

    Args:
        x: (N, C_in, H, W) float32, H and W at least 1, N may be 0; any memory layout, channels_last avoids a copy.
        weight: (C_out, C_in, 3, 3) float32, any numbers of channels.
        bias: (C_out,) float32 or None.
        negative_slope: slope of the LeakyReLU, 0..1; 1 means no LeakyReLU.

    Returns:
        (N, C_out, 2H, 2W) float32, channels_last on the CPU and on CUDA. Differentiable in x, weight and bias.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_upsample_conv(x, weight, bias, negative_slope)
    check_float32("upsample_conv", x=x)
    check_same_device(x=x, weight=weight, bias=bias)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.upsample_conv(x, weight, bias, float(negative_slope))
    return result


@dataclass(frozen=True)
class PackedUpsampleConv:
    """The parameters of one layer as the CPU kernel reads them; made by :func:`upsample_conv_pack`."""

    weight: Tensor  # (25, ceil(C_out / 16), C_in, 16)
    bias: Tensor | None  # (C_out,)
    out_channels: int


def upsample_conv_pack(weight: Tensor, bias: Tensor | None = None) -> PackedUpsampleConv:
    """Sums and reorders the weights of one layer once, for many calls of :func:`upsample_conv_packed`.

    Args:
        weight: (C_out, C_in, 3, 3) float32 on the CPU.
        bias: (C_out,) float32 on the CPU, or None.

    Returns:
        The packed layer. It is for inference only: it has no gradients.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_weight(weight, bias)
    check_float32("upsample_conv_pack", weight=weight)
    check_same_device(weight=weight, bias=bias)
    if weight.device.type != "cpu":
        raise InputError(f"upsample_conv_pack is for the CPU, got a weight on {weight.device}; use upsample_conv")
    _ext.load()
    packed = torch.ops.srdgan_rt.upsample_conv_pack(weight.detach())
    return PackedUpsampleConv(packed, None if bias is None else bias.detach().contiguous(), weight.shape[0])


def upsample_conv_packed(
    x: Tensor,  # (N, C_in, H, W)
    layer: PackedUpsampleConv,
    negative_slope: float = 0.2,
) -> Tensor:  # (N, C_out, 2H, 2W)
    """:func:`upsample_conv` with packed weights: bit-identical, for inference on the CPU.

    Args:
        x: (N, C_in, H, W) float32 on the CPU, as for :func:`upsample_conv`.
        layer: the layer, from :func:`upsample_conv_pack`.
        negative_slope: slope of the LeakyReLU, 0..1; 1 means no LeakyReLU.

    Returns:
        (N, C_out, 2H, 2W) float32, channels_last.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_input(x, layer.weight.shape[2], layer.weight.dtype, negative_slope)
    check_same_device(x=x, weight=layer.weight)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.upsample_conv_packed(
        x, layer.weight, layer.bias, layer.out_channels, float(negative_slope)
    )
    return result


def _empty_output(x: Tensor, out_channels: int) -> Tensor:
    shape = (x.shape[0], out_channels, 2 * x.shape[2], 2 * x.shape[3])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _fake(x: Tensor, weight: Tensor, bias: Tensor | None, negative_slope: float) -> Tensor:
    check_same_device(x=x, weight=weight, bias=bias)
    return _empty_output(x, weight.shape[0])


def _fake_pack(weight: Tensor) -> Tensor:
    panels = (weight.shape[0] + _PANEL - 1) // _PANEL
    return weight.new_empty((_PRODUCTS, panels, weight.shape[1], _PANEL))


def _fake_packed(x: Tensor, packed: Tensor, bias: Tensor | None, out_channels: int, negative_slope: float) -> Tensor:
    check_same_device(x=x, weight=packed, bias=bias)
    return _empty_output(x, out_channels)


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, float], output: Tensor) -> None:
    x, weight, _, ctx.negative_slope = inputs
    ctx.save_for_backward(x, weight, output)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
    x, weight, output = ctx.saved_tensors
    # The slope is not negative, so the output has the sign of what went into the LeakyReLU.
    grad = torch.where(output > 0, grad, grad * ctx.negative_slope)
    enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
    grad_x = grad_weight = grad_bias = None
    if ctx.needs_input_grad[0]:
        grad_enlarged = conv2d_input(enlarged.shape, weight, grad, padding=1)
        grad_x = 4 * F.avg_pool2d(grad_enlarged, 2)
    if ctx.needs_input_grad[1]:
        grad_weight = conv2d_weight(enlarged, weight.shape, grad, padding=1)
    if ctx.needs_input_grad[2]:
        grad_bias = grad.sum((0, 2, 3))
    return grad_x, grad_weight, grad_bias, None


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::upsample_conv", _fake)
    torch.library.register_fake("srdgan_rt::upsample_conv_pack", _fake_pack)
    torch.library.register_fake("srdgan_rt::upsample_conv_packed", _fake_packed)
    torch.library.register_autograd("srdgan_rt::upsample_conv", _backward, setup_context=_setup_context)
    refuse_gradients("upsample_conv_packed")
