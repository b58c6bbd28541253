"""Packing: one blob from layers, and the rules that layers keep. tests/cpp/test_l2h_pack.cpp looks into blobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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


def test_layers_in_any_memory_layout_and_with_gradients(make_net: MakeNet) -> None:
    net = make_net(features=16, growth=8)
    strange = [(w.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0).requires_grad_(), b) for w, b in net.dense]
    packed = ops.rrdb_trunk_pack(strange).weights
    assert torch.equal(packed, ops.rrdb_trunk_pack(net.dense).weights)
    assert not packed.requires_grad


def test_a_packed_net_is_seven_times_its_weights(make_net: MakeNet) -> None:
    net = make_net(features=64, growth=32)
    weights = 4 * sum(weight.numel() + bias.numel() for weight, bias in net.dense)
    packed = ops.rrdb_trunk_pack(net.dense).weights
    assert packed.dtype == torch.uint8
    assert 7.1 * weights < packed.numel() < 7.2 * weights


def test_a_blob_depends_on_nothing_else(make_net: MakeNet, compute_with_threads: ComputeWithThreads) -> None:
    """Every byte is written, and the number of threads leaves no trace."""
    net, ranges = make_net(features=17), [torch.ones(37, 49)] * 3
    for options in ({}, {"ranges": ranges}, {"bf16": True}):
        first, *others = compute_with_threads(lambda of=options: ops.l2h_net_pack(net, **of).weights, (1, 2, 5))
        assert all(torch.equal(other, first) for other in others)


def test_opcheck(make_net: MakeNet) -> None:
    net = make_net(features=3, growth=5)
    names = [f"{name}.{kind}" for name in ("conv_hr", "conv_last") for kind in ("weight", "bias")]
    arguments = ("tail", names, [*net.hr, *net.last], "fp32", None)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.srdgan_rt.l2h_pack, arguments, test_utils=checks)
    torch.library.opcheck(torch.ops.srdgan_rt.winograd_int8_matrices, ())


@pytest.mark.isa
def test_pixel_unshuffled_pictures(make_net: MakeNet) -> None:
    """Of 12 or 48 channels, as nets for x2 and x1 read them."""
    net = make_net(num_upsamplings=1)
    for channels in (12, 48):
        first = torch.randn(24, channels, 3, 3, generator=torch.Generator().manual_seed(3)) / 30, net.first[1]
        layers = replace(net, first=first)
        picture = torch.rand(2, channels, 9, 13, generator=torch.Generator().manual_seed(4))
        expected = reference.l2h_net(picture, layers)
        torch.testing.assert_close(ops.l2h_net(picture, ops.l2h_net_pack(layers)), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match=r"the weight of first must be \(24, 3, 3, 3\), got \(24, 4, 3, 3\)"):
        ops.l2h_net_pack(replace(net, first=(torch.ones(24, 4, 3, 3), net.first[1])))


def damage(net: L2HLayers, index: int, **changes: Any) -> list[Any]:
    """The dense layers with one weight or bias changed."""
    layers: list[Any] = list(net.dense)
    weight, bias = layers[index]
    layers[index] = (changes.get("weight", lambda w: w)(weight), changes.get("bias", lambda b: b)(bias))
    return layers


DAMAGED: list[tuple[int, dict[str, Any], str]] = [
    (0, {"weight": lambda w: w[0]}, r"weight must be \(C_out, C_in, 3, 3\), got \(24, 3, 3\)"),
    (
        2,
        {"weight": lambda w: w[:, 1:]},
        r"weight of convolution 3 of dense block 1 must be \(8, 40, 3, 3\), got \(8, 39, 3, 3\)",
    ),
    (
        4,
        {"weight": lambda w: w[:8]},
        r"weight of convolution 5 of dense block 1 must be \(24, 56, 3, 3\), got \(8, 56, 3, 3\)",
    ),
    (3, {"bias": lambda b: b[1:]}, r"bias of convolution 4 of dense block 1 must be \(8,\), got \(7,\)"),
    (3, {"bias": lambda b: None}, r"bias of convolution 4 of dense block 1 must be \(8,\), got None"),
    (1, {"weight": lambda w: w.half()}, "got the weight of convolution 2 of dense block 1 in torch.float16 on cpu"),
    (1, {"bias": lambda b: b.to("meta")}, "got the bias of convolution 2 of dense block 1 in torch.float32 on meta"),
]


@pytest.mark.parametrize(("index", "changes", "message"), DAMAGED, ids=[message[:50] for *_, message in DAMAGED])
def test_rejects_damaged_layers(make_net: MakeNet, index: int, changes: dict[str, Any], message: str) -> None:
    """Packing and the references alike."""
    net = make_net()
    layers = damage(net, index, **changes)
    x = torch.ones(1, 24, 2, 2)
    for call in (
        lambda: ops.dense_block_pack(layers[:5]),
        lambda: ops.rrdb_trunk_pack(layers),
        lambda: ops.l2h_net_pack(replace(net, dense=layers)),
        lambda: reference.dense_block(x, layers[:5]),
        lambda: reference.rrdb_trunk(x, layers),
        lambda: reference.l2h_net(x[:, :3], replace(net, dense=layers)),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_rejects_blocks_of_other_sizes(make_net: MakeNet) -> None:
    layers = [*make_net().dense[:10], *make_net(growth=9).dense[10:]]
    message = r"weight of convolution 1 of dense block 3 must be \(8, 24, 3, 3\), got \(9, 24, 3, 3\)"
    with pytest.raises(InputError, match=message):
        ops.rrdb_trunk_pack(layers)


def test_rejects_other_numbers_of_layers(make_net: MakeNet) -> None:
    dense = make_net().dense
    with pytest.raises(InputError, match="a dense block has 5 convolutions, got 4"):
        ops.dense_block_pack(dense[:4])
    for count in (0, 14, 5):
        with pytest.raises(InputError, match=f"an RRDB has 15 convolutions, got {count}"):
            ops.rrdb_trunk_pack(dense[:count])
        with pytest.raises(InputError, match=f"an RRDB has 15 convolutions, got {count}"):
            ops.l2h_net_pack(replace(make_net(), dense=dense[:count]))


def test_rejects_ends_of_other_sizes(make_net: MakeNet) -> None:
    net, other = make_net(), make_net(features=25)
    for name, shape in [
        ("first", r"\(24, 3, 3, 3\), got \(25, 3, 3, 3\)"),
        ("body", r"\(24, 24, 3, 3\), got \(25, 25, 3, 3\)"),
        ("hr", r"\(24, 24, 3, 3\), got \(25, 25, 3, 3\)"),
        ("last", r"\(3, 24, 3, 3\), got \(3, 25, 3, 3\)"),
    ]:
        with pytest.raises(InputError, match=rf"the weight of {name} must be {shape}"):
            ops.l2h_net_pack(replace(net, **{name: getattr(other, name)}))
    with pytest.raises(InputError, match=r"the weight of upsampling 2 must be \(24, 24, 3, 3\), got \(25, 25, 3, 3\)"):
        ops.l2h_tail_pack([net.upsamplings[0], other.upsamplings[0]], net.hr, net.last)
    with pytest.raises(InputError, match="a tail has 0, 1 or 2 upsamplings, got 3"):
        ops.l2h_tail_pack([net.hr] * 3, net.hr, net.last)


def test_rejects_other_types_and_devices(make_net: MakeNet) -> None:
    with pytest.raises(InputError, match=r"the CPU kernels compute in float32, got a weight in torch\.float64"):
        ops.rrdb_trunk_pack(make_net(dtype=torch.float64).dense)
    meta = [(weight.to("meta"), bias.to("meta")) for weight, bias in make_net().dense]
    with pytest.raises(InputError, match="layers are packed for the CPU, got a weight on meta"):
        ops.rrdb_trunk_pack(meta)
