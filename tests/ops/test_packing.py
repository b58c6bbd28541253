"""Packed layers against the definition of their transform, and the rules that layers keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
import torch

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import L2HLayers, reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]

# G of F(6x6, 3x3) at 0, +-1, +-1/2, +-2 and infinity: a row of powers over the product of a point's distances to the
# others, and over the power of two by which csrc/kernels/cpu/winograd_points.h enlarges inputs and outputs there.
POINTS = {0.0: 1, 1.0: 1, -1.0: 1, 0.5: 64, -0.5: 64, 2.0: 4, -2.0: 4}
G = torch.tensor(
    [
        *(
            [p**power / (factor * math.prod(p - other for other in POINTS if other != p)) for power in range(3)]
            for p, factor in POINTS.items()
        ),
        [0, 0, 1],
    ],
    dtype=torch.float64,
)


def test_winograd_pack_is_its_definition() -> None:
    """G w G' in panels of 16 outputs, where each run of input channels is filled up to 16 by itself; then the bias."""
    features, growth, out_channels = 3, 17, 18
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(out_channels, features + 2 * growth, 3, 3, generator=generator)
    bias = torch.randn(out_channels, generator=generator)
    expected = torch.zeros(64, 2, 16, 16 + 2 * 32, dtype=torch.float64)  # points, panels, outputs, inputs
    points = torch.einsum("ia,jb,ocab->ijoc", G, G, weight.double()).flatten(0, 1)
    for target, source, count in ((0, 0, 3), (16, 3, 17), (48, 20, 17)):
        part = points[:, :, source : source + count]
        expected[:, 0, :, target : target + count] = part[:, :16]
        expected[:, 1, :2, target : target + count] = part[:, 16:]
    packed = torch.full((64 * 2 * 80 * 16 + 32,), float("nan"))
    torch.ops.srdgan_rt.winograd_pack(weight, bias, features, growth, packed)
    actual = packed[:-32].view(64, 2, 80, 16).transpose(2, 3)
    torch.testing.assert_close(actual, expected.float(), rtol=1e-6, atol=1e-7)
    assert torch.equal(packed[-32:], torch.cat([bias, torch.zeros(14)]))


def test_layers_in_any_memory_layout_and_with_gradients(make_net: MakeNet) -> None:
    net = make_net(features=16, growth=8)
    strange = [(w.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0).requires_grad_(), b) for w, b in net.dense]
    packed = ops.rrdb_trunk_pack(strange).parameters
    assert torch.equal(packed, ops.rrdb_trunk_pack(net.dense).parameters)
    assert not packed.requires_grad


def test_a_packed_net_is_seven_times_its_weights(make_net: MakeNet) -> None:
    net = make_net(features=64, growth=32)
    weights = sum(weight.numel() + bias.numel() for weight, bias in net.dense)
    assert 7.1 * weights < ops.rrdb_trunk_pack(net.dense).parameters.numel() < 7.2 * weights


def test_opcheck() -> None:
    op, check = torch.ops.srdgan_rt, torch.library.opcheck
    check(op.winograd_pack, (torch.ones(2, 5, 3, 3), torch.ones(2), 3, 1, torch.zeros(64 * 48 * 16 + 16)))
    check(op.empty_parameters, (0,))
    check(op.l2h_round_strip_rows, (900, 9, False, 60))
    check(op.l2h_state_floats, (16, 8, 3, 4, False, 900, 9, 448))
    check(op.l2h_workspace_floats, (16, 8, 3, 4, False, 900, 9, 448))
    out = torch.zeros(36 * 48 * 16 // 4 + 73 * 16)
    check(op.winograd_pack_int8, (torch.ones(2, 5, 3, 3), torch.ones(2), torch.ones(36, 48), 3, 1, out))


def test_the_op_itself_guards_memory() -> None:
    op = torch.ops.srdgan_rt.winograd_pack
    weight, bias, out = torch.ones(2, 5, 3, 3), torch.ones(2), torch.zeros(64 * 48 * 16 + 16)
    for arguments in [
        (weight, bias, 3, 1, out[:-1]),
        (weight, bias[:1], 3, 1, out),
        (weight, bias, 6, 1, out),
        (weight, bias, 2, 2, out),
        (weight, bias, 3, 0, out),
        (weight, bias, 0, 1, out),
        (weight[:, :, :2], bias, 3, 1, out),
        (weight.double(), bias, 3, 1, out),
        (weight, bias, 3, 1, torch.zeros(2 * len(out))[::2]),
    ]:
        with pytest.raises(RuntimeError):
            op(*arguments)


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
