"""upsample_conv against its definition in plain PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


SIZES = [(1, 1), (1, 13), (2, 2), (7, 8), (8, 7), (13, 1), (13, 2)]
CHANNELS = [(1, 1), (3, 5), (13, 17), (16, 16), (32, 32), (7, 33), (64, 64), (2, 50)]


def make_layer(
    in_channels: int = 5, out_channels: int = 7, size: tuple[int, int] = (7, 8), batch: int = 2, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and bias with outputs of about unit size."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, in_channels, *size, generator=generator)
    weight = torch.randn(out_channels, in_channels, 3, 3, generator=generator) / (3 * in_channels**0.5)
    return x, weight, torch.randn(out_channels, generator=generator)


def exact(x: Tensor, weight: Tensor, bias: Tensor | None, negative_slope: float = 0.2) -> Tensor:
    bias = None if bias is None else bias.double()
    return reference.upsample_conv(x.double(), weight.double(), bias, negative_slope)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), expected.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_matches_reference_at_sizes(size: tuple[int, int]) -> None:
    x, weight, bias = make_layer(size=size)
    assert_close(ops.upsample_conv(x, weight, bias), exact(x, weight, bias))


@pytest.mark.isa
@pytest.mark.parametrize(("in_channels", "out_channels"), CHANNELS)
def test_matches_reference_at_channels(in_channels: int, out_channels: int) -> None:
    x, weight, bias = make_layer(in_channels, out_channels)
    assert_close(ops.upsample_conv(x, weight, bias), exact(x, weight, bias))


@pytest.mark.isa
@pytest.mark.parametrize("width", [27, 28, 29, 181, 182, 183])
def test_matches_reference_in_wide_pictures(width: int) -> None:
    """Rows long enough to be cut into several runs and blocks, at every remainder of the cut."""
    x, weight, bias = make_layer(32, 32, size=(3, width), batch=1)
    assert_close(ops.upsample_conv(x, weight, bias), exact(x, weight, bias))


@pytest.mark.isa
@pytest.mark.parametrize("negative_slope", [0.0, 0.2, 1.0])
def test_matches_reference_at_slopes_and_without_bias(negative_slope: float) -> None:
    x, weight, _ = make_layer()
    assert_close(ops.upsample_conv(x, weight, None, negative_slope), exact(x, weight, None, negative_slope))


@pytest.mark.isa
def test_any_memory_layout() -> None:
    x, weight, bias = make_layer(size=(8, 9))
    expected = ops.upsample_conv(x, weight, bias)
    assert expected.is_contiguous(memory_format=torch.channels_last)
    layouts = [
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat([x, x], dim=3)[:, :, :, : x.shape[3]],
        x.repeat_interleave(2, dim=2)[:, :, ::2],
    ]
    for layout in layouts:
        assert torch.equal(ops.upsample_conv(layout, weight, bias), expected)
    strided_weight = weight.transpose(0, 1).contiguous().transpose(0, 1)
    strided_bias = torch.stack([bias, bias], dim=1)[:, 0]
    assert torch.equal(ops.upsample_conv(x, strided_weight, strided_bias), expected)


def test_empty_batch() -> None:
    x, weight, bias = make_layer(batch=0)
    assert ops.upsample_conv(x, weight, bias).shape == (0, 7, 14, 16)


@pytest.mark.isa
def test_border_is_zero_padding_of_the_enlarged_picture() -> None:
    """A box filter over ones counts the taps that fall inside: 4 at corners, 6 at edges, 9 within."""
    counts = ops.upsample_conv(torch.ones(1, 1, 2, 3), torch.ones(1, 1, 3, 3), None, 1.0)
    assert counts[0, 0].tolist() == [
        [4, 6, 6, 6, 6, 4],
        [6, 9, 9, 9, 9, 6],
        [6, 9, 9, 9, 9, 6],
        [4, 6, 6, 6, 6, 4],
    ]


@pytest.mark.isa
def test_flat_pictures_stay_flat() -> None:
    """Differences of equal samples vanish: inside a flat picture all outputs of a channel are one number."""
    _, weight, bias = make_layer()
    y = ops.upsample_conv(torch.full((1, 5, 9, 9), 0.7), weight, bias)[:, :, 1:-1, 1:-1]
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y))


@pytest.mark.isa
def test_nan_stays_near() -> None:
    """A NaN reaches the outputs whose taps cover it, and no others."""
    x, weight, bias = make_layer(batch=1, size=(8, 9))
    x[0, 2, 4, 5] = float("nan")
    y = ops.upsample_conv(x, weight, bias)
    assert torch.equal(y.isnan(), reference.upsample_conv(x, weight, bias).isnan())


@pytest.mark.isa
def test_packed_is_the_same() -> None:
    x, weight, bias = make_layer(32, 35)
    layer = ops.upsample_conv_pack(weight, bias)
    assert torch.equal(ops.upsample_conv_packed(x, layer, 0.1), ops.upsample_conv(x, weight, bias, 0.1))
    layer = ops.upsample_conv_pack(weight)
    assert torch.equal(ops.upsample_conv_packed(x, layer), ops.upsample_conv(x, weight))


@pytest.mark.isa
def test_deterministic_for_any_number_of_threads() -> None:
    x, weight, bias = make_layer(16, 16, size=(33, 37))
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(ops.upsample_conv(x, weight, bias))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.isa
@pytest.mark.parametrize("negative_slope", [0.0, 0.2, 1.0])
def test_gradients_match_reference(negative_slope: float) -> None:
    """The reference's gradients are PyTorch's own; float64, so that only the op's float32 is measured."""
    inputs = tuple(t.requires_grad_() for t in make_layer())
    twins = tuple(t.detach().double().requires_grad_() for t in inputs)
    y = ops.upsample_conv(inputs[0], inputs[1], inputs[2], negative_slope)
    truth = reference.upsample_conv(twins[0], twins[1], twins[2], negative_slope)
    seed = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(y, inputs, seed)
    theirs = torch.autograd.grad(truth, twins, seed.double())
    for actual, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(actual.double(), expected, rtol=1e-4, atol=1e-4)


def test_gradcheck() -> None:
    """In float32, the op's only type: a large step is exact where the bias keeps the kinks of LeakyReLU away."""
    x, weight, bias = make_layer(2, 3, size=(2, 3), batch=1)
    signs = torch.tensor([20.0, -20.0, 20.0])
    inputs = [t.requires_grad_() for t in (x, weight, bias * 0.1 + signs)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is not a double precision.*")
        assert torch.autograd.gradcheck(ops.upsample_conv, inputs, eps=0.25, atol=1e-3, rtol=1e-3)


def test_opcheck() -> None:
    x, weight, bias = make_layer()
    layer = ops.upsample_conv_pack(weight, bias)
    trainable = [t.clone().requires_grad_() for t in (x, weight, bias)]
    torch.library.opcheck(torch.ops.srdgan_rt.upsample_conv, (*trainable, 0.2))
    torch.library.opcheck(torch.ops.srdgan_rt.upsample_conv, (x, weight, None, 0.2))
    torch.library.opcheck(torch.ops.srdgan_rt.upsample_conv_pack, (weight,))
    torch.library.opcheck(torch.ops.srdgan_rt.upsample_conv_packed, (x, layer.weight, bias, 7, 0.2))


def test_compile() -> None:
    x, weight, bias = make_layer()
    compiled = torch.compile(lambda *t: ops.upsample_conv(*t) + 1, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x, weight, bias), ops.upsample_conv(x, weight, bias) + 1)


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(5, 7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return ops.upsample_conv(x, self.conv.weight, self.conv.bias)


def test_export() -> None:
    layer, x = Layer(), make_layer()[0]
    sizes = {2: torch.export.Dim("height", min=2, max=64), 3: torch.export.Dim("width", min=2, max=64)}
    program = torch.export.export(layer, (x,), dynamic_shapes=(sizes,))
    other = make_layer(size=(9, 4))[0]
    assert torch.equal(program.module()(other), layer(other))


X, WEIGHT, BIAS = make_layer()
REJECTED = [
    ((X[0], WEIGHT, BIAS), r"x must be \(N, C, H, W\) with H and W of at least 1, got \(5, 7, 8\)"),
    ((X[:, :, :0], WEIGHT, BIAS), r"x must be \(N, C, H, W\) with H and W of at least 1, got \(2, 5, 0, 8\)"),
    ((X[:, :4], WEIGHT, BIAS), "x must have the 5 channels of the weight, got 4"),
    ((X.double(), WEIGHT, BIAS), "x must have the type of the weight, torch.float32, got torch.float64"),
    ((X.double(), WEIGHT.double(), BIAS.double()), "upsample_conv computes in float32, got x in torch.float64"),
    ((X, WEIGHT[:, :, :2], BIAS), r"weight must be \(C_out, C_in, 3, 3\), got \(7, 5, 2, 3\)"),
    ((X, WEIGHT[:0], BIAS), r"weight must be \(C_out, C_in, 3, 3\), got \(0, 5, 3, 3\)"),
    ((X, WEIGHT, BIAS[:3]), r"bias must be \(7,\), got \(3,\)"),
    ((X, WEIGHT, BIAS.half()), "bias must have the type of the weight, torch.float32, got torch.float16"),
    ((X, WEIGHT, BIAS, 1.5), r"negative_slope must be 0\.\.1, got 1\.5"),
    ((X, WEIGHT, BIAS, -0.1), r"negative_slope must be 0\.\.1, got -0\.1"),
    ((X, WEIGHT.to("meta"), BIAS), "all tensors must be on one device, got x on cpu, weight on meta, bias on cpu"),
]


@pytest.mark.parametrize(("arguments", "message"), REJECTED, ids=[message[:40] for _, message in REJECTED])
def test_rejects(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ops.upsample_conv(*arguments)


def test_packed_rejects() -> None:
    layer = ops.upsample_conv_pack(WEIGHT, BIAS)
    with pytest.raises(InputError, match="x must have the 5 channels of the weight, got 4"):
        ops.upsample_conv_packed(X[:, :4], layer)
    with pytest.raises(InputError, match="upsample_conv_pack is for the CPU, got a weight on meta"):
        ops.upsample_conv_pack(WEIGHT.to("meta"))


def test_packed_layers_have_no_gradients() -> None:
    y = ops.upsample_conv_packed(X.clone().requires_grad_(), ops.upsample_conv_pack(WEIGHT, BIAS))
    with pytest.raises(InputError, match="packed layers are for inference"):
        y.sum().backward()


def test_the_op_itself_refuses_mixed_devices() -> None:
    """With a tensor on the meta device, the shapes for tracing are asked for, which must not become a result."""
    op, packed = torch.ops.srdgan_rt, ops.upsample_conv_pack(WEIGHT).weight
    calls = [
        lambda: op.upsample_conv(X, WEIGHT.to("meta"), BIAS, 0.2),
        lambda: op.upsample_conv(X, WEIGHT, BIAS.to("meta"), 0.2),
        lambda: op.upsample_conv_packed(X, packed.to("meta"), BIAS, 7, 0.2),
        lambda: op.upsample_conv_packed(X, packed, BIAS.to("meta"), 7, 0.2),
    ]
    for call in calls:
        with pytest.raises(InputError, match="all tensors must be on one device"):
            call()


def test_the_op_itself_guards_memory() -> None:
    """Called past the Python function, it must refuse rather than read out of bounds."""
    op = torch.ops.srdgan_rt
    with pytest.raises(RuntimeError, match="x must have 5 channels"):
        op.upsample_conv(X[:, :4], WEIGHT, BIAS, 0.2)
    with pytest.raises(RuntimeError, match="bias must have 7 values"):
        op.upsample_conv(X, WEIGHT, BIAS[:2], 0.2)
    with pytest.raises(RuntimeError, match="out_channels must be those of the packed weight, got 17"):
        op.upsample_conv_packed(X, op.upsample_conv_pack(WEIGHT), BIAS, 17, 0.2)


@pytest.mark.cuda
def test_cuda_matches_reference() -> None:
    for in_channels, out_channels in CHANNELS:
        for size in SIZES:
            x, weight, bias = make_layer(in_channels, out_channels, size)
            y = ops.upsample_conv(x.cuda(), weight.cuda(), bias.cuda())
            assert y.is_contiguous(memory_format=torch.channels_last)
            assert_close(y.cpu(), exact(x, weight, bias))
