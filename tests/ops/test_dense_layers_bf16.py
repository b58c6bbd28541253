"""conv3x3_train and dense_block_train with products of bfloat16.

Small whole numbers have no rounding in bfloat16, nor have their sums in float32: with them the results must be exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.ops import reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

SIZES = [(1, 1), (1, 13), (8, 12), (17, 2), (3, 70)]
CHANNELS = [(1, 1), (3, 32), (32, 3), (16, 16), (17, 50), (64, 33)]
BLOCKS = [(32, 16, 4), (64, 32, 4), (8, 4, 4), (17, 3, 1), (5, 20, 2)]  # features, growth, layers before the last


def whole(*shape: int, seed: int, limit: int = 2, density: float = 1.0) -> Tensor:
    """Random whole numbers from -limit to limit; density: how many of them are not 0."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(-limit, limit + 1, shape, generator=generator).float()
    return numbers * (torch.rand(shape, generator=generator) < density)


def make_conv(inputs: int = 5, outputs: int = 7, size: tuple[int, int] = (7, 9)) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and bias."""
    return whole(2, inputs, *size, seed=1), whole(outputs, inputs, 3, 3, seed=2), whole(outputs, seed=3)


def make_block(
    features: int = 8, growth: int = 4, growths: int = 4, size: tuple[int, int] = (7, 9)
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """x, weights and biases: so few weights that features stay small, too."""
    weights, biases = [], []
    for index in range(growths + 1):
        outputs, inputs = (growth if index < growths else features), features + index * growth
        weights.append(whole(outputs, inputs, 3, 3, seed=index, limit=1, density=0.3 / inputs))
        biases.append(whole(outputs, seed=10 + index, limit=1))
    return whole(2, features, *size, seed=20), weights, biases


def gradients(compute: Callable[..., Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    """The result, and the gradients of the tensors for a random gradient of it."""
    tensors = [t.detach().clone().requires_grad_() for t in tensors]
    y = compute(*tensors)
    seed = whole(*y.shape, seed=30, limit=4).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, tensors, seed)]


def assert_exact(compute: Callable[..., Any], tensors: Sequence[Tensor]) -> None:
    """compute(ops or reference) gives the function of the tensors."""
    actual = gradients(compute(ops), tensors)
    expected = gradients(compute(reference), [t.double() for t in tensors])
    assert all(truth.abs().amax() < 2**24 for truth in expected)  # else the test is wrong
    for one, truth in zip(actual, expected, strict=True):
        assert torch.equal(one.double(), truth)


def conv(slope: float) -> Callable[..., Any]:
    def choose(module: Any) -> Any:
        options = {"bf16": True} if module is ops else {}
        return lambda *tensors: module.conv3x3_train(*tensors, slope, **options)

    return choose


def block(count: int) -> Callable[..., Any]:
    def choose(module: Any) -> Any:
        options = {"bf16": True} if module is ops else {}
        return lambda x, *rest: module.dense_block_train(x, rest[:count], rest[count:], 0.5, 0.5, **options)

    return choose


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_conv_at_sizes(size: tuple[int, int]) -> None:
    assert_exact(conv(0.5), make_conv(size=size))


@pytest.mark.isa
@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_conv_at_channels_and_slopes(inputs: int, outputs: int, slope: float) -> None:
    assert_exact(conv(slope), make_conv(inputs, outputs))


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth", "growths"), BLOCKS)
def test_block(features: int, growth: int, growths: int) -> None:
    x, weights, biases = make_block(features, growth, growths)
    assert_exact(block(len(weights)), (x, *weights, *biases))


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_block_at_sizes(size: tuple[int, int]) -> None:
    x, weights, biases = make_block(size=size)
    assert_exact(block(len(weights)), (x, *weights, *biases))


@pytest.mark.isa
def test_other_numbers_are_rounded_to_nearest() -> None:
    """Of random numbers, x, weights and the gradient are rounded; the sum of exact products is not."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2, 24, 9, 13, generator=generator), torch.randn(40, 24, 3, 3, generator=generator)
    seed, bias = torch.randn(2, 40, 9, 13, generator=generator), torch.zeros(40)

    def run(convolve: Callable[..., Tensor], *tensors: Tensor) -> list[Tensor]:
        *inputs, seed = tensors
        leaves = [t.clone().requires_grad_() for t in inputs]
        y = convolve(*leaves)
        return [y.detach(), *torch.autograd.grad(y, leaves, seed)]

    actual = run(lambda *t: ops.conv3x3_train(*t, bf16=True), x, weight, bias, seed)
    rounded = [t.bfloat16().double() for t in (x, weight, bias, seed)]
    for one, truth in zip(actual, run(reference.conv3x3_train, *rounded), strict=True):
        assert (one - truth).norm() < 1e-6 * truth.norm()


@pytest.mark.isa
def test_deterministic_for_any_number_of_threads() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weights, biases = make_block()
    x, *weights = (torch.randn(t.shape, generator=generator) for t in (x, *weights))
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3, 8):  # with 8, threads share the layers, too
            torch.set_num_threads(count)
            results.append(gradients(block(5)(ops), (x, *weights, *biases)))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_only_the_gradients_that_are_asked_for() -> None:
    x, weight, bias = make_conv()
    of_all = gradients(conv(0.5)(ops), (x, weight, bias))[1:]
    of_x = gradients(lambda x: ops.conv3x3_train(x, weight, bias, 0.5, bf16=True), [x])[1:]
    of_weights = gradients(lambda *t: ops.conv3x3_train(x, *t, 0.5, bf16=True), [weight, bias])[1:]
    assert all(torch.equal(a, b) for a, b in zip(of_all, (*of_x, *of_weights), strict=True))


def test_empty_batch() -> None:
    y, grad_x, grad_weight, grad_bias = gradients(conv(0.5)(ops), (torch.zeros(0, 5, 7, 9), *make_conv()[1:]))
    assert y.shape == (0, 7, 7, 9)
    assert grad_x.shape == (0, 5, 7, 9)
    assert not grad_weight.any()
    assert not grad_bias.any()


def test_opcheck() -> None:
    x, weights, biases = make_block()
    x, flat, bias = x, torch.cat([w.flatten() for w in weights]), torch.cat(biases)
    trained = [t.clone().requires_grad_() for t in (x, flat, bias)]
    kinds = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.srdgan_rt.dense_layers, (*trained, 4, 4, 8, 0.2, 1.0, 0.2, True), test_utils=kinds)
    y, slab = torch.ops.srdgan_rt.dense_layers(x, flat, bias, 4, 4, 8, 0.2, 1.0, 0.2, True)
    for wanted in ((False, True), (True, True), (True, False)):
        arguments = (y, y, slab, flat, 8, 4, 4, 0.2, 1.0, 0.2, *wanted, True)
        torch.library.opcheck(
            torch.ops.srdgan_rt.dense_layers_backward, arguments, test_utils=("test_schema", "test_faketensor")
        )


def test_the_op_itself_guards_memory() -> None:
    x, weight, bias = make_conv()
    flat, sizes = weight.flatten(), (0, 1, 7, 1.0, 1.0, 0.0)
    backward = torch.ops.srdgan_rt.dense_layers_backward
    y, slab = torch.ops.srdgan_rt.dense_layers(x, flat, bias, *sizes, True)
    for other in (slab[:, :-1], slab[:1], slab.T.contiguous().T):
        with pytest.raises(RuntimeError, match="slab does not come from dense_layers with these sizes"):
            backward(y, y, other, flat, 5, 0, 1, 1.0, 1.0, 0.0, True, True, True)
    _, floats = torch.ops.srdgan_rt.dense_layers(x, flat, bias, *sizes, False)
    for other, bf16 in ((slab, False), (floats, True)):
        with pytest.raises(RuntimeError, match="slab must be of the type that the forward pass gave"):
            backward(y, y, other, flat, 5, 0, 1, 1.0, 1.0, 0.0, True, True, bf16)
