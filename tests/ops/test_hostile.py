"""The compiled ops called past their Python functions: whatever they are given, they raise one error or compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.ops import L2HLayers

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]

HUGE = 2**62
PICTURE = torch.ones(1, 3, 36, 110)
FEATURES = torch.ones(1, 24, 5, 6)


def shrink(x: Tensor) -> Tensor:
    """A tensor whose storage was made smaller behind its back."""
    x = x.clone()
    x.untyped_storage().resize_(4)
    return x


@pytest.fixture(scope="module")
def packed(make_net: MakeNet) -> dict[str, Tensor]:
    net = make_net()
    return {
        "net": ops.l2h_net_pack(net).weights,
        "int8": ops.l2h_net_pack(net, [torch.ones(37, 56)] * 3).weights,
        "trunk": ops.rrdb_trunk_pack(net.dense).weights,
        "block": ops.dense_block_pack(net.dense[:5]).weights,
        "tail": ops.l2h_tail_pack(net.upsamplings, net.hr, net.last).weights,
    }


def calls(packed: dict[str, Tensor], weights: Tensor | None = None) -> dict[str, Callable[[], Any]]:
    """Every op that reads a blob, with sound arguments; or all of them with this blob."""
    op = torch.ops.srdgan_rt
    net, trunk, tail = (packed[name] if weights is None else weights for name in ("net", "trunk", "tail"))
    state = torch.zeros(1, op.l2h_state_floats(packed["net"], 60, 110, 36))
    return {
        "dense_blocks": lambda: op.dense_blocks(FEATURES, trunk, 0.2),
        "l2h_net": lambda: op.l2h_net(PICTURE, net, 4, 0.2),
        "l2h_round_strip_rows": lambda: op.l2h_round_strip_rows(net, 60, 110, 36),
        "l2h_state_floats": lambda: op.l2h_state_floats(net, 60, 110, 36),
        "l2h_strip": lambda: op.l2h_strip(PICTURE, net, state, 4, 0.2, 60, 36, 0),
        "l2h_tail": lambda: op.l2h_tail(FEATURES, tail, 4, 0.2),
        "l2h_workspace_floats": lambda: op.l2h_workspace_floats(net, 60, 110, 36),
    }


def with_byte(blob: Tensor, index: int, value: int) -> Tensor:
    blob = blob.clone()
    blob[index] = value
    return blob


DAMAGE: list[tuple[str, Callable[[Tensor], Tensor], str]] = [
    ("empty", lambda w: w[:0], "packed weights must have a header of 64 bytes, got 0 bytes"),
    ("cut", lambda w: w[:-1].clone(), r"packed weights must have the \d+ bytes that their header says, got \d+"),
    ("longer", lambda w: torch.cat([w, w[:1]]), r"packed weights must have the \d+ bytes that their header says, got"),
    ("no blob", lambda w: torch.zeros_like(w), "these are not packed weights"),
    ("version", lambda w: with_byte(w, 12, 1), "packed weights must be of version 4, got version 1: pack them anew"),
    ("other sizes", lambda w: with_byte(w, 28, 25), "packed weights"),
    ("not aligned", lambda w: torch.cat([w[:1], w])[1:], "packed weights must start at a multiple of 64 bytes"),
    ("not contiguous", lambda w: torch.stack([w, w], 1)[:, 0], "weights must be contiguous uint8"),
    ("int8", lambda w: w.view(torch.int8), "weights must be contiguous uint8"),
    ("float", lambda w: w.view(torch.float32), "weights must be contiguous uint8"),
    ("two axes", lambda w: w[None], "weights must have 1 dimensions, got 2"),
    ("lost storage", shrink, "weights has lost its storage"),
]


@pytest.mark.parametrize(("damage", "message"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
def test_damaged_weights(packed: dict[str, Tensor], damage: Callable[[Tensor], Tensor], message: str) -> None:
    for name, call in calls(packed, damage(packed["net"])).items():
        with pytest.raises(RuntimeError, match=message):
            pytest.fail(f"{name} gave {call()}")


def test_weights_of_another_part(packed: dict[str, Tensor]) -> None:
    for name, call in calls(packed, packed["net"]).items():
        if name in ("dense_blocks", "l2h_tail"):
            with pytest.raises(RuntimeError, match=r"weights must be of a .*, got those of a net"):
                call()
    for name, call in calls(packed, packed["block"]).items():
        if name not in ("dense_blocks", "l2h_round_strip_rows"):
            with pytest.raises(RuntimeError, match=r"weights must be of a .*, got those of a dense block"):
                call()


def test_weights_on_the_meta_device(packed: dict[str, Tensor]) -> None:
    for name, call in calls(packed, packed["net"].to("meta")).items():
        with pytest.raises(Exception, match=r"on one device|Meta|meta"):
            pytest.fail(f"{name} gave {call()}")


def test_sound_arguments(packed: dict[str, Tensor]) -> None:
    """The calls that are damaged above work as they are."""
    for call in calls(packed).values():
        call()


def test_pictures(packed: dict[str, Tensor]) -> None:
    op, net, tail, trunk = torch.ops.srdgan_rt, packed["net"], packed["tail"], packed["trunk"]
    one = torch.ones(1, 1, 1, 1)
    for x in (
        PICTURE[0],
        PICTURE[:, :2],
        PICTURE[..., :0],
        PICTURE[:, :, :0],
        PICTURE.double(),
        PICTURE.to(torch.uint8),
        shrink(PICTURE),
        one.expand(1, 3, 1, 2**40),
        one.expand(1, 3, 2**31, 2**29),
        torch.ones(0, 3, 1, 1).expand(0, 3, HUGE, 1),
        torch.ones(0, 3, 1, 1).expand(0, 3, HUGE, HUGE),
        one.expand(HUGE // 4, 3, 1, 1),
    ):
        with pytest.raises(RuntimeError):
            op.l2h_net(x, net, 4, 0.2)
        with pytest.raises(RuntimeError):
            op.l2h_tail(x, tail, 4, 0.2)
        with pytest.raises(RuntimeError):
            op.dense_blocks(x, trunk, 0.2)
        with pytest.raises(RuntimeError):
            op.upsample_conv(x, torch.ones(2, 3, 3, 3), None, 0.2)
    for scale in (0, 1, 3, -4, HUGE):
        with pytest.raises(RuntimeError, match=f"scale must be that of the weights, 4, got {scale}"):
            op.l2h_net(PICTURE, net, scale, 0.2)
    for slope in (-0.1, 1.1, float("nan"), float("inf")):
        with pytest.raises(RuntimeError, match=r"negative_slope must be 0\.\.1"):
            op.l2h_net(PICTURE, net, 4, slope)


@pytest.mark.parametrize("name", ["net", "int8"])
def test_strips(packed: dict[str, Tensor], name: str) -> None:
    op, net = torch.ops.srdgan_rt, packed[name]
    unit = op.l2h_round_strip_rows(net, 1000, 110, 1)
    state = torch.zeros(1, op.l2h_state_floats(net, 1000, 110, unit))
    rows = torch.ones(1, 3, unit, 110)
    for x, memory, height, strip_rows, known in [
        (rows, state[:, :-1].contiguous(), 1000, unit, 0),
        (rows, state.repeat(2, 1), 1000, unit, 0),
        (rows, state.double(), 1000, unit, 0),
        (rows, shrink(state), 1000, unit, 0),
        (rows, torch.zeros(2 * state.shape[1])[None, ::2], 1000, unit, 0),
        (rows[:, :, :-1], state, 1000, unit, 0),
        (rows, state, 1000, unit - 1, 0),
        (rows, state, 1000, 0, 0),
        (rows, state, 1000, -unit, 0),
        (rows, state, 1000, HUGE, 0),
        (rows, state, 1000, unit, 12),
        (rows, state, 1000, unit, -unit),
        (rows, state, 1000, unit, HUGE),
        (rows, state, HUGE, unit, 0),
        (rows, state, 0, unit, 0),
        (rows, state, -1, unit, 0),
    ]:
        with pytest.raises(RuntimeError):
            op.l2h_strip(x, net, memory, 4, 0.2, height, strip_rows, known)


def test_sizes_of_strips(packed: dict[str, Tensor]) -> None:
    op, net = torch.ops.srdgan_rt, packed["net"]
    for height, width in [(0, 9), (9, 0), (-1, 9), (9, -1), (HUGE, 1), (1, HUGE), (HUGE, HUGE), (2**24, 2**24)]:
        for count in (op.l2h_round_strip_rows, op.l2h_state_floats, op.l2h_workspace_floats):
            with pytest.raises(RuntimeError, match="height and width must be"):
                count(net, height, width, 36)
    for rows in (0, -1, -HUGE):
        with pytest.raises(RuntimeError, match="rows must be at least 1"):
            op.l2h_round_strip_rows(net, 60, 110, rows)
    assert op.l2h_round_strip_rows(net, 60, 110, 2**63 - 1) == 60
    for rows in (0, 1, 35, -36):
        with pytest.raises(RuntimeError, match="strip_rows must come from l2h_round_strip_rows"):
            op.l2h_state_floats(net, 60, 110, rows)


def test_packing(make_net: MakeNet) -> None:
    net, pack = make_net(features=3, growth=5), torch.ops.srdgan_rt.l2h_pack
    names = [f"{name}.{kind}" for name in ("conv_hr", "conv_last") for kind in ("weight", "bias")]
    tensors = [*net.hr, *net.last]
    pack("tail", names, tensors, "fp32", None)
    with pytest.raises(RuntimeError, match="products must be fp32, int8, bf16 or int8 and bf16, got fp16"):
        pack("tail", names, tensors, "fp16", None)
    weight = tensors[0]
    for part, named, given, ranges in [
        ("head", names, tensors, None),
        ("tail", names[1:], tensors, None),
        ("tail", names[:3], tensors[:3], None),
        ("tail", [*names, "x"], [*tensors, weight], None),
        ("tail", [names[0]] * 4, tensors, None),
        ("net", names, tensors, None),
        ("trunk", [], [], None),
        ("tail", names, [weight[None], *tensors[1:]], None),
        ("tail", names, [weight.double(), *tensors[1:]], None),
        ("tail", names, [weight.transpose(2, 3), *tensors[1:]], None),
        ("tail", names, [shrink(weight), *tensors[1:]], None),
        ("tail", names, [torch.ones(1, 1, 1, 1).expand(2**20, 2**20, 3, 3), *tensors[1:]], None),
        ("tail", names, [torch.ones(0, 3, 3, 3), *tensors[1:]], None),
        ("tail", names, tensors, torch.ones(1, 36, 3)),
    ]:
        with pytest.raises(RuntimeError):
            pack(part, named, given, "fp32" if ranges is None else "int8", ranges)


def test_upsample_conv() -> None:
    op, x, weight = torch.ops.srdgan_rt, torch.ones(1, 2, 3, 4), torch.ones(5, 2, 3, 3)
    packed = op.upsample_conv_pack(weight)
    for layer, channels in [
        (packed, 0),
        (packed, 17),
        (packed, 2**63 - 1),
        (packed, -1),
        (packed[:24], 5),
        (packed[:, :0], 0),
        (packed[:, :, :1], 5),
        (packed.transpose(0, 1), 5),
        (packed.double(), 5),
        (shrink(packed), 5),
        (torch.ones(25, 1, 0, 16), 5),
    ]:
        with pytest.raises(RuntimeError):
            op.upsample_conv_packed(x, layer, None, channels, 0.2)
    for wrong in (weight[0], weight[..., :2], weight[:0], weight.double(), shrink(weight)):
        with pytest.raises(RuntimeError):
            op.upsample_conv_pack(wrong)
        with pytest.raises(RuntimeError):
            op.upsample_conv(x, wrong, None, 0.2)


def test_nearest_downsample() -> None:
    op, x = torch.ops.srdgan_rt.nearest_downsample, torch.arange(12.0).reshape(1, 1, 3, 4)
    assert torch.equal(op(x, 2**63 - 1, 1, 0, 0, 0), x[:, :, 1:2, 1:2])
    for factor, phase in [(0, 0), (-1, 0), (4, 4), (4, -1), (4, 3), (-(2**63), 0), (2**63 - 1, 2**63 - 2)]:
        with pytest.raises(RuntimeError):
            op(x, factor, phase, 0, 0, 0)
    for noise in (-1.0, float("nan"), float("inf"), 1e308):
        with pytest.raises(RuntimeError):
            op(x, 2, 0, noise, 0, 0)
        with pytest.raises(RuntimeError):
            op(x, 2, 0, 0, noise, 0)
    for wrong in (x[0], x.double(), x[..., :0], shrink(x)):
        with pytest.raises(RuntimeError):
            op(wrong, 2, 0, 0, 0, 0)
    assert op(torch.ones(0, HUGE, 1, 1), 2, 0, 0, 0, 0).shape == (0, HUGE, 1, 1)
