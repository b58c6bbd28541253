"""conv3x3_train and dense_block_train against their definitions in plain PyTorch, forward and backward."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import reference
from tests.helpers.error_bound import (
    TRAINING,
    amplification,
    is_within,
    is_within_rounding,
    predict_deviation,
    relative_deviation,
    root_mean_square,
)

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

AMPLIFIED = amplification(TRAINING)
SIZES = [(1, 1), (1, 13), (4, 4), (5, 3), (8, 12), (17, 2), (3, 131)]
CHANNELS = [(1, 1), (3, 32), (32, 3), (16, 16), (17, 50), (64, 33)]
BLOCKS = [(32, 16, 4), (64, 32, 4), (8, 4, 4), (17, 3, 1), (5, 20, 2)]  # features, growth, layers before the last


def make_conv(
    in_channels: int = 5, out_channels: int = 7, size: tuple[int, int] = (7, 9), batch: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and bias with outputs of about unit size."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, in_channels, *size, generator=generator)
    weight = torch.randn(out_channels, in_channels, 3, 3, generator=generator) / (3 * in_channels**0.5)
    return x, weight, torch.randn(out_channels, generator=generator)


def make_block(
    features: int = 8,
    growth: int = 4,
    growths: int = 4,
    size: tuple[int, int] = (7, 9),
    batch: int = 2,
    smooth: bool = False,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """x, weights and biases; smooth: the biases are so large that rounding changes the sign of no feature."""
    generator = torch.Generator().manual_seed(1)
    weights, biases = [], []
    for index in range(growths + 1):
        outputs, inputs = (growth if index < growths else features), features + index * growth
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator) / (3 * inputs**0.5)
        bias = torch.randn(outputs, generator=generator)
        weights.append(weight / 10 if smooth else weight)
        biases.append(bias + bias.sign() if smooth else bias / 10)
    return torch.randn(batch, features, *size, generator=generator), weights, biases


def gradients(compute: Callable[..., Tensor], tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """The result, a random gradient of it, and those of the tensors."""
    tensors = [t.detach().clone().requires_grad_() for t in tensors]
    y = compute(*tensors)
    seed = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(y.dtype)
    return y.detach(), seed, torch.autograd.grad(y, tensors, seed)


def assert_conv_within_rounding(x: Tensor, weight: Tensor, bias: Tensor, slope: float) -> None:
    y, seed, (grad_x, grad_weight, grad_bias) = gradients(
        lambda *tensors: ops.conv3x3_train(*tensors, slope), (x, weight, bias)
    )
    x, weight, bias, seed = (t.double() for t in (x, weight, bias, seed))
    truth = reference.conv3x3_train(x, weight, bias, slope)
    assert is_within(y, truth, root_mean_square(predict_deviation(x, weight, AMPLIFIED)) + 2**-24)
    grad = torch.where(y > 0, seed, slope * seed)  # a sign near 0 may be the op's own
    mirrored = weight.flip(2, 3).transpose(0, 1)
    truth = F.conv2d(grad, mirrored, padding=1)
    assert is_within(grad_x, truth, root_mean_square(predict_deviation(grad, mirrored, AMPLIFIED)))
    products, squares = (
        F.conv2d(a.transpose(0, 1), b.transpose(0, 1), padding=1).transpose(0, 1)
        for a, b in ((x, grad), (x**2, grad**2))
    )
    terms = x.shape[0] + x[0, 0].numel()
    assert is_within(
        grad_weight, products, root_mean_square(squares.sqrt()) * relative_deviation(terms, AMPLIFIED) + 1e-12
    )
    torch.testing.assert_close(grad_bias.double(), grad.sum((0, 2, 3)), rtol=1e-5, atol=1e-5)


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_conv_at_sizes(size: tuple[int, int]) -> None:
    assert_conv_within_rounding(*make_conv(size=size), 0.2)


@pytest.mark.isa
@pytest.mark.parametrize(("in_channels", "out_channels"), CHANNELS)
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_conv_at_channels_and_slopes(in_channels: int, out_channels: int, slope: float) -> None:
    assert_conv_within_rounding(*make_conv(in_channels, out_channels), slope)


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth", "growths"), BLOCKS)
def test_block_matches_reference(features: int, growth: int, growths: int) -> None:
    x, weights, biases = make_block(features, growth, growths)
    doubles = [[t.double() for t in ts] for ts in (weights, biases)]
    y = ops.dense_block_train(x, weights, biases, 0.1, 0.3)
    assert is_within_rounding(y, lambda: reference.dense_block_train(x.double(), *doubles, 0.1, 0.3), TRAINING)


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth", "growths"), BLOCKS)
def test_gradients_of_a_block_match_reference(features: int, growth: int, growths: int) -> None:
    x, weights, biases = make_block(features, growth, growths, smooth=True)
    count = len(weights)

    def compute(block: Any) -> Any:
        return lambda x, *rest: block(x, rest[:count], rest[count:], 0.1, 0.3)

    _, _, actual = gradients(compute(ops.dense_block_train), (x, *weights, *biases))
    doubles = [t.double() for t in (x, *weights, *biases)]
    _, _, expected = gradients(compute(reference.dense_block_train), doubles)
    # A gradient is a sum over channels or pixels of numbers that have such errors themselves, layer after layer.
    relative = relative_deviation(x.shape[0] * x[0, 0].numel() + features + growths * growth, AMPLIFIED) * count
    for one, truth in zip(actual, expected, strict=True):
        assert is_within(one, truth, relative * root_mean_square(truth))


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_block_at_sizes(size: tuple[int, int]) -> None:
    x, weights, biases = make_block(size=size)
    doubles = [[t.double() for t in ts] for ts in (weights, biases)]
    y = ops.dense_block_train(x, weights, biases)
    assert is_within_rounding(y, lambda: reference.dense_block_train(x.double(), *doubles), TRAINING)


@pytest.mark.isa
def test_any_memory_layout() -> None:
    x, weight, bias = make_conv(size=(8, 9))
    expected = ops.conv3x3_train(x, weight, bias)
    assert expected.is_contiguous(memory_format=torch.channels_last)
    for layout in (x.contiguous(memory_format=torch.channels_last), torch.cat([x, x], dim=3)[..., : x.shape[3]]):
        assert torch.equal(ops.conv3x3_train(layout, weight, bias), expected)
    strided = weight.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(ops.conv3x3_train(x, strided, torch.stack([bias, bias], 1)[:, 0]), expected)


def test_empty_batch() -> None:
    x, weight, bias = make_conv(batch=0)
    y, _, (grad_x, grad_weight, grad_bias) = gradients(ops.conv3x3_train, (x, weight, bias))
    assert y.shape == (0, 7, 7, 9)
    assert grad_x.shape == x.shape
    assert not grad_weight.any()
    assert not grad_bias.any()


@pytest.mark.isa
def test_deterministic_for_any_number_of_threads() -> None:
    x, weights, biases = make_block(batch=5)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            y, _, grads = gradients(
                lambda x, *rest: ops.dense_block_train(x, rest[:5], rest[5:]), (x, *weights, *biases)
            )
            results.append((y, *grads))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_only_the_gradients_that_are_asked_for() -> None:
    x, weights, biases = make_block()
    trained = [weight.requires_grad_() for weight in weights]
    without = torch.autograd.grad(ops.dense_block_train(x, weights, biases).sum(), trained)
    with_x = torch.autograd.grad(ops.dense_block_train(x.requires_grad_(), weights, biases).sum(), [x, *trained])
    assert all(torch.equal(a, b) for a, b in zip(without, with_x[1:], strict=True))


def test_gradcheck() -> None:
    """In float32, the ops' only type: a large step is exact where no feature is near the kink of LeakyReLU."""
    x, weight, bias = make_conv(2, 3, size=(2, 3), batch=1)
    conv = [t.requires_grad_() for t in (x, weight, bias * 0.1 + torch.tensor([20.0, -20.0, 20.0]))]
    x, weights, biases = make_block(2, 1, 1, size=(2, 3), batch=1, smooth=True)
    block = [t.requires_grad_() for t in (x, *weights, *[20 * bias for bias in biases])]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is not a double precision.*")
        compute: Any = lambda *tensors: ops.conv3x3_train(*tensors, 0.2)  # noqa: E731
        assert torch.autograd.gradcheck(compute, conv, eps=0.25, atol=2e-3, rtol=2e-3)
        compute = lambda x, *rest: ops.dense_block_train(x, rest[:2], rest[2:])  # noqa: E731
        assert torch.autograd.gradcheck(compute, block, eps=0.25, atol=2e-3, rtol=2e-3)


@pytest.mark.isa
def test_fixed_weights_get_no_gradient() -> None:
    """The gradient of x is the same to the bit, whether those of the weights are wanted or not."""
    x, weight, bias = make_conv()
    parameters = [t.clone().requires_grad_() for t in (weight, bias)]
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    ops.conv3x3_train(inputs[0], *parameters, 0.2).square().sum().backward()
    ops.conv3x3_train(inputs[1], weight, bias, 0.2).square().sum().backward()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    assert weight.grad is None
    assert bias.grad is None


def test_opcheck() -> None:
    x, weights, biases = make_block(batch=1)
    flat = [t.detach().clone().requires_grad_() for t in (x, torch.cat([w.flatten() for w in weights]))]
    bias = torch.cat(biases).requires_grad_()
    torch.library.opcheck(torch.ops.srdgan_rt.dense_layers, (*flat, bias, 4, 4, 8, 0.2, 1.0, 0.2))
    x, weights_of_one, bias = (t.detach() for t in (*flat, bias))
    y, slab = torch.ops.srdgan_rt.dense_layers(x, weights_of_one, bias, 4, 4, 8, 0.2, 1.0, 0.2)
    for wanted in ((False, True), (True, True), (True, False)):
        arguments = (y, y, slab, weights_of_one, 8, 4, 4, 0.2, 1.0, 0.2, *wanted)
        kinds = ("test_schema", "test_faketensor")  # it has no gradient itself
        torch.library.opcheck(torch.ops.srdgan_rt.dense_layers_backward, arguments, test_utils=kinds)


def test_gradients_of_gradients_are_refused() -> None:
    x, weight, bias = (t.requires_grad_() for t in make_conv())
    (grad,) = torch.autograd.grad(ops.conv3x3_train(x, weight, bias, 0.2).square().sum(), x, create_graph=True)
    with pytest.raises(InputError, match="conv3x3_train and dense_block_train are differentiable once, got a call"):
        grad.sum().backward()


@pytest.mark.parametrize("place", range(3))
def test_the_op_itself_refuses_mixed_devices(place: int) -> None:
    """With a tensor on the meta device, the shapes for tracing are asked for, which must not become a result."""
    x, weight, bias = make_conv()
    tensors = [x, weight.flatten(), bias]
    tensors[place] = tensors[place].to("meta")
    with pytest.raises(InputError, match="all tensors must be on one device"):
        torch.ops.srdgan_rt.dense_layers(*tensors, 0, 1, weight.shape[0], 1.0, 0.2, 0.0)


def test_the_backward_op_refuses_mixed_devices() -> None:
    x, weight, bias = make_conv()
    sizes = (0, 1, weight.shape[0], 1.0, 0.2, 0.0)
    y, slab = torch.ops.srdgan_rt.dense_layers(x, weight.flatten(), bias, *sizes)
    arguments = (y, slab, weight.flatten().to("meta"), x.shape[1], 0, 1, 1.0, 0.2, 0.0, True, True)
    with pytest.raises(InputError, match="all tensors must be on one device"):
        torch.ops.srdgan_rt.dense_layers_backward(y, *arguments)


X, WEIGHT, BIAS = make_conv()
BLOCK_X, WEIGHTS, BIASES = make_block()
REJECTED = [
    (ops.conv3x3_train, (X[0], WEIGHT, BIAS), r"x must be \(N, C, H, W\)"),
    (ops.conv3x3_train, (X[:, :4], WEIGHT, BIAS), "x must have the 5 channels of the weight, got 4"),
    (ops.conv3x3_train, (X.double(), WEIGHT, BIAS), "conv3x3_train computes in float32, got x in torch.float64"),
    (ops.conv3x3_train, (X, WEIGHT[:, :, :2], BIAS), r"weight must be \(C_out, C_in, 3, 3\)"),
    (ops.conv3x3_train, (X, WEIGHT, BIAS, 1.5), r"negative_slope must be 0\.\.1, got 1\.5"),
    (ops.conv3x3_train, (X.to("meta"), WEIGHT.to("meta"), BIAS.to("meta")), "is for the CPU, got x on meta"),
    (ops.dense_block_train, (BLOCK_X, WEIGHTS[:1], BIASES[:1]), r"must have 2\.\.17 weights and as many biases, got 1"),
    (ops.dense_block_train, (BLOCK_X, WEIGHTS, BIASES[:4]), "as many biases, got 5 and 4"),
    (ops.dense_block_train, (BLOCK_X, WEIGHTS[1:], BIASES[1:]), r"weight 3 .* must be \(12, 24, 3, 3\), got \(8, 24"),
    (ops.dense_block_train, (BLOCK_X, WEIGHTS, BIASES, 0.2, 0.0), "residual_scale must not be 0"),
]


@pytest.mark.parametrize(("op", "arguments", "message"), REJECTED, ids=[message[:40] for *_, message in REJECTED])
def test_rejects(op: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        op(*arguments)


def test_the_op_itself_guards_memory() -> None:
    """Called past the Python functions, it must refuse rather than read out of bounds."""
    op, backward = torch.ops.srdgan_rt.dense_layers, torch.ops.srdgan_rt.dense_layers_backward
    flat = WEIGHT.flatten()
    with pytest.raises(RuntimeError, match="weights must have 315 values, got 314"):
        op(X, flat[:-1], BIAS, 0, 1, 7, 1.0, 1.0, 0.0)
    with pytest.raises(RuntimeError, match="bias must have 7 values, got 6"):
        op(X, flat, BIAS[:-1], 0, 1, 7, 1.0, 1.0, 0.0)
    with pytest.raises(RuntimeError, match=r"growths must be 0\.\.16, got -1"):
        op(X, flat, BIAS, -1, 1, 7, 1.0, 1.0, 0.0)
    with pytest.raises(RuntimeError, match="as many output channels as inputs, got 7 and 5"):
        op(X, flat, BIAS, 0, 1, 7, 1.0, 1.0, 0.2)
    y, slab = op(X, flat, BIAS, 0, 1, 7, 1.0, 1.0, 0.0)
    with pytest.raises(RuntimeError, match="slab does not come from dense_layers with these sizes"):
        backward(y, y, slab[:, :-1], flat, 5, 0, 1, 1.0, 1.0, 0.0, True, True)
    with pytest.raises(RuntimeError, match="result must have the shape of grad"):
        backward(y, y[:, :-1], slab, flat, 5, 0, 1, 1.0, 1.0, 0.0, True, True)
