"""3x3 convolutions for training on the CPU, forward and backward: one alone, or a whole residual dense block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_block_train, check_float32, check_input, check_same_device, check_weight
from srdgan_rt.ops._pack import refuse_gradients

_PANEL = 16  # channels are padded to multiples of this
_TILE = 4  # and pictures to multiples of this, with a border of one pixel
_RUN = 32  # channels of a slab of bfloat16 are padded to multiples of this
_WINDOW_PADDING = 66  # pixels behind it


def conv3x3_train(
    x: Tensor,  # (N, C_in, H, W)
    weight: Tensor,  # (C_out, C_in, 3, 3)
    bias: Tensor,  # (C_out,)
    negative_slope: float = 1.0,
    *,
    bf16: bool = False,
) -> Tensor:  # (N, C_out, H, W)
    """``leaky_relu(conv2d(x, weight, bias, padding=1), negative_slope)``, differentiable, for training on the CPU.

    Forward pass and all gradients are computed by Winograd's algorithm, or with products of bfloat16. They are the same
    for any number of threads; threads share the pictures of a batch.

    Args:
        x: (N, C_in, H, W) float32 on the CPU, H and W at least 1; any memory layout, channels_last avoids a copy.
        weight: (C_out, C_in, 3, 3) float32, up to 4,096 channels each.
        bias: (C_out,) float32.
        negative_slope: 0..1; 1 leaves out the LeakyReLU.
        bf16: whether features, weights and gradients are rounded to bfloat16 where they are multiplied; products are
            summed in float32. It is fast where :func:`srdgan_rt._ext.has_fast_bf16` says so, and very slow elsewhere.

    Returns:
        (N, C_out, H, W) float32, channels_last. Differentiable once in x, weight and bias.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_weight(weight, bias)
    _check_tensors("conv3x3_train", x, (weight, bias), weight.shape[1], negative_slope)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.dense_layers(
        x, weight.flatten(), bias, 0, 1, weight.shape[0], 1.0, float(negative_slope), 0.0, bf16
    )[0]
    return result


def dense_block_train(
    x: Tensor,  # (N, F, H, W)
    weights: Sequence[Tensor],  # (G, F, 3, 3), (G, F + G, 3, 3), ..., (F, F + n * G, 3, 3)
    biases: Sequence[Tensor],  # (G,), (G,), ..., (F,)
    negative_slope: float = 0.2,
    residual_scale: float = 0.2,
    *,
    bf16: bool = False,
) -> Tensor:  # (N, F, H, W)
    """A residual dense block, differentiable, for training on the CPU.

    Each convolution but the last reads the input and the results of all before it, and is followed by a LeakyReLU.
    What the last one makes is multiplied by ``residual_scale`` and added to the input. Nothing is concatenated, and
    each feature is transformed once for all convolutions that read it.

    Args:
        x: (N, F, H, W) float32 on the CPU, H and W at least 1; any memory layout, channels_last avoids a copy.
        weights: of two to 17 convolutions: the i-th, from 0 on, has F + i * G input channels; G output channels, the
            last one F.
        biases: of the same convolutions.
        negative_slope: 0..1, of the LeakyReLU.
        residual_scale: not 0.
        bf16: as for :func:`conv3x3_train`. The shortcut stays in float32.

    Returns:
        (N, F, H, W) float32, channels_last. Differentiable once in x, weights and biases.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_block_train(weights, biases, residual_scale)
    _check_tensors("dense_block_train", x, (*weights, *biases), weights[0].shape[1], negative_slope)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.dense_layers(
        x,
        torch.cat([weight.flatten() for weight in weights]),
        torch.cat(list(biases)),
        len(weights) - 1,
        weights[0].shape[0],
        x.shape[1],
        float(negative_slope),
        1.0,
        float(residual_scale),
        bf16,
    )[0]
    return result


def _check_tensors(op: str, x: Tensor, parameters: Sequence[Tensor], in_channels: int, negative_slope: float) -> None:
    check_float32(op, x=x, **{f"parameter {i}": parameter for i, parameter in enumerate(parameters)})
    check_input(x, in_channels, torch.float32, negative_slope)
    check_same_device(x=x, **{f"parameter {i}": parameter for i, parameter in enumerate(parameters)})
    if x.device.type != "cpu":
        raise InputError(f"{op} is for the CPU, got x on {x.device}")


def _pad(size: int, multiple: int) -> int:
    return (size + multiple - 1) // multiple * multiple


def _fake(
    x: Tensor,
    weights: Tensor,
    bias: Tensor,
    growths: int,
    growth_channels: int,
    out_channels: int,
    negative_slope: float,
    out_slope: float,
    residual_scale: float,
    bf16: bool = False,
) -> tuple[Tensor, Tensor]:
    check_same_device(x=x, weights=weights, bias=bias)
    pictures, channels, height, width = x.shape
    slab_channels = _pad(channels, _PANEL) + growths * _pad(growth_channels, _PANEL)
    if bf16:
        pixels = (height + 2) * (width + 2) + _WINDOW_PADDING
        slab = x.new_empty((pictures, pixels * _pad(slab_channels, _RUN)), dtype=torch.bfloat16)
    else:
        slab = x.new_empty((pictures, _pad(height, _TILE) + 2, _pad(width, _TILE) + 2, slab_channels))
    shape = (pictures, out_channels, height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last), slab


def _fake_backward(
    grad: Tensor,
    result: Tensor,
    slab: Tensor,
    weights: Tensor,
    in_channels: int,
    growths: int,
    growth_channels: int,
    negative_slope: float,
    out_slope: float,
    residual_scale: float,
    wants_x: bool,
    wants_weights: bool,
    bf16: bool = False,
) -> tuple[Tensor, ...]:
    check_same_device(grad=grad, result=result, slab=slab, weights=weights)
    shape = (grad.shape[0] if wants_x else 0, in_channels, *grad.shape[2:])
    grad_x = torch.empty(shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last)
    biases = growths * growth_channels + grad.shape[1]
    sizes = (weights.numel(), biases) if wants_weights else (0, 0)
    return grad_x, *(grad.new_empty((size,)) for size in sizes)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weights, _, growths, growth_channels, _, *slopes, bf16 = inputs
    ctx.sizes = (x.shape[1], growths, growth_channels)
    ctx.slopes = slopes
    ctx.bf16 = bf16
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)  # no zeros as large as the slab
    ctx.save_for_backward(*output, weights)


def _backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 10
    wants_x, wants_weights = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:3])
    grad_x, *grads = torch.ops.srdgan_rt.dense_layers_backward(
        grad, *ctx.saved_tensors, *ctx.sizes, *ctx.slopes, wants_x, wants_weights, ctx.bf16
    )
    return (grad_x if wants_x else None, *(grads if wants_weights else [None] * 2), *[None] * 7)


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::dense_layers", _fake)
    torch.library.register_fake("srdgan_rt::dense_layers_backward", _fake_backward)
    torch.library.register_autograd("srdgan_rt::dense_layers", _backward, setup_context=_setup_context)
    refuse_gradients("dense_layers_backward", "conv3x3_train and dense_block_train are differentiable once")
