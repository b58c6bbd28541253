"""dense_block and rrdb_trunk against their definitions in plain PyTorch; instruction sets in test_l2h_net.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import L2HLayers, reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]
ComputeWithThreads: TypeAlias = Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]

SIZES = [(1, 1), (1, 13), (2, 7), (7, 2), (8, 8), (13, 1), (13, 8), (50, 210)]
CHANNELS = [(64, 32), (32, 16), (24, 8), (3, 5), (1, 1)]


def make_input(features: int = 24, size: tuple[int, int] = (7, 9), batch: int = 1) -> Tensor:
    return torch.randn(batch, features, *size, generator=torch.Generator().manual_seed(1))


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.dtype == torch.float32
    assert actual.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(actual.double(), expected, rtol=1e-5, atol=1e-5)


def assert_both_match(x: Tensor, net: L2HLayers, exact: L2HLayers, negative_slope: float = 0.2) -> None:
    """The trunk, and its first dense block."""
    block = ops.dense_block_pack(net.dense[:5])
    truth = reference.dense_block(x.double(), exact.dense[:5], negative_slope)
    assert_close(ops.dense_block(x, block, negative_slope), truth)
    trunk = ops.rrdb_trunk_pack(net.dense)
    truth = reference.rrdb_trunk(x.double(), exact.dense, negative_slope)
    assert_close(ops.rrdb_trunk(x, trunk, negative_slope), truth)


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_matches_reference_at_sizes(make_net: MakeNet, size: tuple[int, int]) -> None:
    assert_both_match(make_input(size=size, batch=2), make_net(), make_net(dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth"), CHANNELS)
def test_matches_reference_at_channels(make_net: MakeNet, features: int, growth: int) -> None:
    sizes = {"features": features, "growth": growth}
    assert_both_match(make_input(features), make_net(**sizes), make_net(**sizes, dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize("num_rrdbs", [2, 3])
def test_matches_reference_in_depth(make_net: MakeNet, num_rrdbs: int) -> None:
    """Each RRDB hands its own output on as the next one's shortcut."""
    assert_both_match(make_input(), make_net(num_rrdbs), make_net(num_rrdbs, dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize("negative_slope", [0.0, 1.0])
def test_matches_reference_at_slopes(make_net: MakeNet, negative_slope: float) -> None:
    assert_both_match(make_input(), make_net(), make_net(dtype=torch.float64), negative_slope)


@pytest.mark.isa
def test_any_memory_layout(make_net: MakeNet) -> None:
    trunk = ops.rrdb_trunk_pack(make_net().dense)
    x = make_input(batch=2)
    expected = ops.rrdb_trunk(x, trunk)
    layouts = [
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat([x, x], dim=3)[:, :, :, : x.shape[3]],
        x.repeat_interleave(2, dim=2)[:, :, ::2],
    ]
    for layout in layouts:
        assert torch.equal(ops.rrdb_trunk(layout, trunk), expected)
        assert torch.equal(layout, x), "the input was written to"


def test_empty_batch(make_net: MakeNet) -> None:
    y = ops.rrdb_trunk(make_input(batch=0), ops.rrdb_trunk_pack(make_net().dense))
    assert y.shape == (0, 24, 7, 9)


@pytest.mark.isa
def test_pictures_of_a_batch_know_nothing_of_each_other(make_net: MakeNet) -> None:
    """They share memory one after the other: what a NaN left there must not be read again."""
    trunk = ops.rrdb_trunk_pack(make_net().dense)
    x = make_input(batch=3, size=(13, 9))
    alone = ops.rrdb_trunk(x[1:2], trunk)
    x[0] = float("nan")
    y = ops.rrdb_trunk(x, trunk)
    assert torch.equal(y[1:2], alone)
    assert y[0].isnan().all()


@pytest.mark.isa
@pytest.mark.parametrize("size", [(33, 37), (9, 420)])
def test_deterministic_for_any_number_of_threads(
    make_net: MakeNet, compute_with_threads: ComputeWithThreads, size: tuple[int, int]
) -> None:
    trunk = ops.rrdb_trunk_pack(make_net(2, features=16, growth=8).dense)
    x = make_input(16, size)
    first, *others = compute_with_threads(lambda: ops.rrdb_trunk(x, trunk), (1, 1, 2, 5, 5))
    assert all(torch.equal(other, first) for other in others)


def test_opcheck(make_net: MakeNet) -> None:
    net = make_net(features=5, growth=3)
    for packed in (ops.rrdb_trunk_pack(net.dense), ops.dense_block_pack(net.dense[:5])):
        torch.library.opcheck(torch.ops.srdgan_rt.dense_blocks, (make_input(5), packed.weights, 0.2))


def test_compile(make_net: MakeNet) -> None:
    trunk, x = ops.rrdb_trunk_pack(make_net().dense), make_input()
    compiled = torch.compile(lambda x: ops.rrdb_trunk(x, trunk) + 1, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), ops.rrdb_trunk(x, trunk) + 1)


class Trunk(torch.nn.Module):
    def __init__(self, net: L2HLayers) -> None:
        super().__init__()
        self.block = ops.dense_block_pack(net.dense[:5])
        self.trunk = ops.rrdb_trunk_pack(net.dense)

    def forward(self, x: Tensor) -> Tensor:
        return ops.rrdb_trunk(ops.dense_block(x, self.block), self.trunk)


def test_export(make_net: MakeNet) -> None:
    module = Trunk(make_net())
    sizes = {2: torch.export.Dim("height", min=2, max=64), 3: torch.export.Dim("width", min=2, max=64)}
    program = torch.export.export(module, (make_input(),), dynamic_shapes=(sizes,))
    other = make_input(size=(12, 4))
    assert torch.equal(program.module()(other), module(other))


def test_inference_mode(make_net: MakeNet) -> None:
    """Packed there and used elsewhere, and the other way round."""
    net, x = make_net(), make_input()
    expected = ops.rrdb_trunk(x, ops.rrdb_trunk_pack(net.dense))
    with torch.inference_mode():
        trunk = ops.rrdb_trunk_pack(net.dense)
        assert torch.equal(ops.rrdb_trunk(x, trunk), expected)
    assert torch.equal(ops.rrdb_trunk(x, trunk), expected)


def test_refuses_gradients(make_net: MakeNet) -> None:
    """Rather than leave them out."""
    y = ops.rrdb_trunk(make_input().requires_grad_(), ops.rrdb_trunk_pack(make_net().dense))
    with pytest.raises(InputError, match="packed layers are for inference"):
        y.sum().backward()


X = make_input()
REJECTED: list[tuple[tuple[Any, ...], str]] = [
    ((X[0],), r"x must be \(N, C, H, W\) with H and W of at least 1, got \(24, 7, 9\)"),
    ((X[..., :0],), r"x must be \(N, C, H, W\) with H and W of at least 1, got \(1, 24, 7, 0\)"),
    ((X[:, :4],), "x must have the 24 channels of the weight, got 4"),
    ((X.double(),), "x must have the type of the weight, torch.float32, got torch.float64"),
    ((X, -0.1), r"negative_slope must be 0\.\.1, got -0\.1"),
    ((X, float("nan")), r"negative_slope must be 0\.\.1, got nan"),
    ((X.to("meta"),), "all tensors must be on one device, got x on meta, weights on cpu"),
]


@pytest.mark.parametrize(("arguments", "message"), REJECTED, ids=[message[:40] for _, message in REJECTED])
def test_rejects(make_net: MakeNet, arguments: tuple[Any, ...], message: str) -> None:
    x, *slope = arguments
    with pytest.raises(InputError, match=message):
        ops.rrdb_trunk(x, ops.rrdb_trunk_pack(make_net().dense), *slope)
    with pytest.raises(InputError, match=message):
        ops.dense_block(x, ops.dense_block_pack(make_net().dense[:5]), *slope)
    if "on one device" not in message:  # PyTorch says that itself
        with pytest.raises(InputError, match=message):
            reference.rrdb_trunk(x, make_net().dense, *slope)


def test_rejects_the_other_ones_layers(make_net: MakeNet) -> None:
    net = make_net()
    with pytest.raises(InputError, match="dense_block needs a block from dense_block_pack, got a trunk"):
        ops.dense_block(X, ops.rrdb_trunk_pack(net.dense))
    with pytest.raises(InputError, match="rrdb_trunk needs a trunk from rrdb_trunk_pack, got a block"):
        ops.rrdb_trunk(X, ops.dense_block_pack(net.dense[:5]))
