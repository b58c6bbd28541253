"""l2h_net, l2h_tail and the network in strips against their definitions in plain PyTorch."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import L2HLayers, L2HStream, PackedL2HNet, reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]
ComputeWithThreads: TypeAlias = Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]

SIZES = [(1, 1), (1, 13), (2, 7), (7, 2), (8, 8), (13, 1), (13, 8)]
CHANNELS = [(64, 32), (32, 16), (24, 8), (3, 5), (1, 1)]


def make_picture(size: tuple[int, int] = (7, 9), batch: int = 1, channels: int = 3) -> Tensor:
    return torch.rand(batch, channels, *size, generator=torch.Generator().manual_seed(1))


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.dtype == torch.float32
    assert actual.is_contiguous()
    torch.testing.assert_close(actual.double(), expected, rtol=1e-5, atol=1e-5)


def pack_tail(net: L2HLayers) -> ops.PackedL2HTail:
    return ops.l2h_tail_pack(net.upsamplings, net.hr, net.last)


def assert_both_match(picture: Tensor, net: L2HLayers, exact: L2HLayers) -> None:
    """The whole net, and its tail."""
    assert_close(ops.l2h_net(picture, ops.l2h_net_pack(net)), reference.l2h_net(picture.double(), exact))
    batch, _, height, width = picture.shape
    x = make_picture((height, width), batch, net.hr[0].shape[0])
    truth = reference.l2h_tail(x.double(), exact.upsamplings, exact.hr, exact.last)
    assert_close(ops.l2h_tail(x, pack_tail(net)), truth)


@pytest.mark.isa
@pytest.mark.parametrize("size", SIZES)
def test_matches_reference_at_sizes(make_net: MakeNet, size: tuple[int, int]) -> None:
    assert_both_match(make_picture(size, batch=2), make_net(), make_net(dtype=torch.float64))


@pytest.mark.isa
def test_matches_reference_in_wide_pictures(make_net: MakeNet) -> None:
    """Rows of more than one unit."""
    sizes = {"features": 8, "growth": 4}
    assert_both_match(make_picture((50, 210)), make_net(**sizes), make_net(**sizes, dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth"), CHANNELS)
def test_matches_reference_at_channels(make_net: MakeNet, features: int, growth: int) -> None:
    sizes = {"features": features, "growth": growth}
    assert_both_match(make_picture(), make_net(**sizes), make_net(**sizes, dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize("num_upsamplings", [0, 1])
def test_matches_reference_at_other_scales(make_net: MakeNet, num_upsamplings: int) -> None:
    sizes = {"num_rrdbs": 2, "num_upsamplings": num_upsamplings}
    assert_both_match(make_picture(), make_net(**sizes), make_net(**sizes, dtype=torch.float64))


@pytest.mark.isa
@pytest.mark.parametrize("negative_slope", [0.0, 1.0])
def test_tail_matches_reference_at_slopes(make_net: MakeNet, negative_slope: float) -> None:
    x, net, exact = make_picture(channels=24), make_net(), make_net(dtype=torch.float64)
    truth = reference.l2h_tail(x.double(), exact.upsamplings, exact.hr, exact.last, negative_slope)
    assert_close(ops.l2h_tail(x, pack_tail(net), negative_slope), truth)


@pytest.mark.isa
def test_any_memory_layout(make_net: MakeNet) -> None:
    def layouts(x: Tensor) -> list[Tensor]:
        return [
            x.contiguous(memory_format=torch.channels_last),
            x.transpose(2, 3).contiguous().transpose(2, 3),
            torch.cat([x, x], dim=3)[:, :, :, : x.shape[3]],
            x.repeat_interleave(2, dim=2)[:, :, ::2],
        ]

    net, tail = ops.l2h_net_pack(make_net()), pack_tail(make_net())
    picture, features = make_picture(batch=2), make_picture(batch=2, channels=24)
    for layout in layouts(picture):
        assert torch.equal(ops.l2h_net(layout, net), ops.l2h_net(picture, net))
    for layout in layouts(features):
        assert torch.equal(ops.l2h_tail(layout, tail), ops.l2h_tail(features, tail))


def test_empty_batch(make_net: MakeNet) -> None:
    assert ops.l2h_net(make_picture(batch=0), ops.l2h_net_pack(make_net())).shape == (0, 3, 28, 36)
    assert ops.l2h_tail(make_picture(batch=0, channels=24), pack_tail(make_net())).shape == (0, 3, 28, 36)


@pytest.mark.isa
def test_pictures_of_a_batch_know_nothing_of_each_other(make_net: MakeNet) -> None:
    """They share memory one after the other: what a NaN left there must not be read again."""
    net, tail = ops.l2h_net_pack(make_net()), pack_tail(make_net())
    for channels, run in ((3, lambda x: ops.l2h_net(x, net)), (24, lambda x: ops.l2h_tail(x, tail))):
        x = make_picture((13, 9), batch=2, channels=channels)
        alone = run(x[1:])
        x[0] = float("nan")
        y = run(x)
        assert torch.equal(y[1:], alone)
        assert y[0].isnan().all()


@pytest.mark.isa
@pytest.mark.parametrize("size", [(33, 37), (9, 420)])
def test_deterministic_for_any_number_of_threads(
    make_net: MakeNet, compute_with_threads: ComputeWithThreads, size: tuple[int, int]
) -> None:
    layers = make_net(features=8, growth=4)
    net, tail = ops.l2h_net_pack(layers), pack_tail(layers)
    for channels, run in ((3, lambda x: ops.l2h_net(x, net)), (8, lambda x: ops.l2h_tail(x, tail))):
        x = make_picture(size, channels=channels)
        first, *others = compute_with_threads(lambda run=run, x=x: run(x), (1, 1, 2, 5, 5))
        assert all(torch.equal(other, first) for other in others)


@pytest.mark.isa
def test_nothing_of_an_earlier_call_is_left(make_net: MakeNet, small_net: PackedL2HNet) -> None:
    """Calls work in memory that calls before them have used: here for pictures of nothing but NaN."""
    nets = [small_net, ops.l2h_net_pack(make_net(features=20, growth=8))]
    sizes = [(1, 1), (13, 40), (40, 13), (70, 50)]
    cases = [(net, make_picture(size)) for net in nets for size in sizes]
    results = [ops.l2h_net(picture, net) for net, picture in cases]
    for net, picture in cases:
        assert ops.l2h_net(torch.full_like(picture, torch.nan), net).isnan().all()
        again = [ops.l2h_net(picture, net) for net, picture in cases]
        assert all(torch.equal(result, other) for result, other in zip(again, results, strict=True))


def test_opcheck(make_net: MakeNet) -> None:
    layers = make_net(features=5, growth=3)
    net, tail = ops.l2h_net_pack(layers), pack_tail(layers)
    op, check = torch.ops.srdgan_rt, torch.library.opcheck
    check(op.l2h_net, (make_picture(), net.weights, net.scale, 0.2))
    check(op.l2h_tail, (make_picture(channels=5), tail.weights, 4, 0.2))
    height, width = 60, 190
    strip_rows = op.l2h_round_strip_rows(net.weights, height, width, 1)
    assert strip_rows < height
    state = torch.zeros(1, op.l2h_state_floats(net.weights, height, width, strip_rows))
    arguments = (make_picture((strip_rows, width)), net.weights, state, net.scale, 0.2, height, strip_rows, 0)
    check(op.l2h_strip, arguments, test_utils=("test_schema", "test_autograd_registration", "test_faketensor"))


def test_compile(make_net: MakeNet) -> None:
    net, tail = ops.l2h_net_pack(make_net(num_upsamplings=0)), pack_tail(make_net(num_upsamplings=1, features=3))

    def run(picture: Tensor) -> Tensor:
        return ops.l2h_tail(ops.l2h_net(picture, net), tail) + 1

    picture = make_picture()
    assert torch.equal(torch.compile(run, fullgraph=True, backend="aot_eager")(picture), run(picture))


class Net(torch.nn.Module):
    def __init__(self, net: PackedL2HNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        return ops.l2h_net(picture, self.net)


def test_export(make_net: MakeNet) -> None:
    module = Net(ops.l2h_net_pack(make_net()))
    sizes = {2: torch.export.Dim("height", min=2, max=64), 3: torch.export.Dim("width", min=2, max=64)}
    program = torch.export.export(module, (make_picture(),), dynamic_shapes=(sizes,))
    other = make_picture((12, 4))
    assert torch.equal(program.module()(other), module(other))


def test_refuses_gradients(make_net: MakeNet) -> None:
    y = ops.l2h_net(make_picture().requires_grad_(), ops.l2h_net_pack(make_net()))
    with pytest.raises(InputError, match="packed layers are for inference"):
        y.sum().backward()


def run_in_strips(
    net: PackedL2HNet, pictures: Tensor, strip_rows: int | None, calls: list[tuple[int, int]] | None = None
) -> list[Tensor]:
    batch, _, height, width = pictures.shape

    def read(begin: int, end: int) -> Tensor:
        if calls is not None:
            calls.append((begin, end))
        return pictures[:, :, begin:end]

    return list(L2HStream(net, height, width, strip_rows=strip_rows, batch=batch).run(read))


@pytest.fixture(scope="module")
def small_net(make_net: MakeNet) -> PackedL2HNet:
    return ops.l2h_net_pack(make_net(features=3, growth=5, num_upsamplings=1))


# Strips of narrow pictures have many rows at the least, of those wider than 108 have 36. Above 216, a row is cut.
NARROW = st.tuples(st.integers(200, 500), st.integers(17, 40))
WIDE = st.tuples(st.integers(37, 150), st.integers(109, 420))


@pytest.mark.isa
@settings(derandomize=True)
@given(size=NARROW | WIDE, strip_rows=st.integers(1, 400), batch=st.integers(1, 2))
def test_strips_give_the_bits_of_the_whole(
    small_net: PackedL2HNet, size: tuple[int, int], strip_rows: int, batch: int
) -> None:
    picture = make_picture(size, batch)
    whole = ops.l2h_net(picture, small_net)
    assert torch.equal(torch.cat(run_in_strips(small_net, picture, strip_rows), 2), whole)


@pytest.mark.isa
def test_strips_of_a_deep_net(make_net: MakeNet) -> None:
    """So deep that it looks further ahead than several strips reach."""
    net = ops.l2h_net_pack(make_net(num_rrdbs=3, features=8, growth=4, num_upsamplings=2))
    picture = make_picture((499, 110))
    strips = run_in_strips(net, picture, 36)
    assert sum(strip.shape[2] == 0 for strip in strips) > 2
    assert torch.equal(torch.cat(strips, 2), ops.l2h_net(picture, net))


@pytest.mark.isa
def test_strips_for_any_number_of_threads(small_net: PackedL2HNet, compute_with_threads: ComputeWithThreads) -> None:
    picture = make_picture((90, 200))
    results = compute_with_threads(lambda: torch.cat(run_in_strips(small_net, picture, 36), 2), (1, 2, 5))
    assert all(torch.equal(result, ops.l2h_net(picture, small_net)) for result in results)


def test_strips_are_read_in_order_and_once(small_net: PackedL2HNet) -> None:
    calls: list[tuple[int, int]] = []
    run_in_strips(small_net, make_picture((130, 200)), 36, calls)
    assert calls == [(0, 36), (36, 72), (72, 108), (108, 130)]


def test_streams_follow_no_defaults_of_torch(small_net: PackedL2HNet) -> None:
    picture = make_picture((60, 110))
    whole = ops.l2h_net(picture, small_net)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        strips = run_in_strips(small_net, picture, 36)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device("cpu")
    assert torch.equal(torch.cat(strips, 2), whole)


def test_streams_in_and_out_of_inference_mode(small_net: PackedL2HNet) -> None:
    picture = make_picture((130, 110))
    strips = L2HStream(small_net, 130, 110, strip_rows=36).run(lambda begin, end: picture[:, :, begin:end])
    with torch.inference_mode():
        parts = [next(strips), next(strips)]
    parts += list(strips)
    assert torch.equal(torch.cat(parts, 2), ops.l2h_net(picture, small_net))


def test_empty_batches_in_strips(small_net: PackedL2HNet) -> None:
    strips = run_in_strips(small_net, make_picture((60, 110), batch=0), 36)
    assert torch.cat(strips, 2).shape == (0, 3, 120, 220)


def test_memory_is_bounded_by_the_width(small_net: PackedL2HNet) -> None:
    def memory(height: int, width: int = 300, strip_rows: int | None = 32, batch: int = 1) -> int:
        return L2HStream(small_net, height, width, strip_rows=strip_rows, batch=batch).memory_bytes

    assert memory(2_000) == memory(20_000)
    assert memory(2_000, width=600) > 1.5 * memory(2_000)
    assert memory(2_000) < memory(2_000, strip_rows=200) < memory(2_000, strip_rows=None)
    assert 2 * memory(2_000) < memory(2_000, batch=3) < 3 * memory(2_000)  # all need one workspace
    assert memory(2_000, batch=3, strip_rows=None) == memory(2_000, strip_rows=None)  # they take turns
    assert memory(20_000, strip_rows=None) > 5 * memory(2_000, strip_rows=None)


def test_a_closed_stream_frees_its_memory(small_net: PackedL2HNet, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[weakref.ref[Tensor]] = []

    def empty(*sizes: int, **options: Any) -> Tensor:
        states.append(weakref.ref(state := torch.ones(0).new_empty(*sizes)))
        return state

    monkeypatch.setattr(torch, "empty", empty)
    strips: Any = L2HStream(small_net, 130, 110, strip_rows=36).run(
        lambda begin, end: torch.ones(1, 3, end - begin, 110)
    )
    next(strips)
    (state,) = states
    assert state() is not None
    strips.close()
    gc.collect()
    assert state() is None


def test_strip_rows_are_rounded_up(small_net: PackedL2HNet) -> None:
    rows = [L2HStream(small_net, 130, 200, strip_rows=rows).strip_rows for rows in (1, 36, 37, 129, 130, 10_000, None)]
    assert rows == [36, 36, 42, 130, 130, 130, 130]


PICTURE = make_picture()
REJECTED = [
    (PICTURE[0], r"picture must be \(N, C, H, W\) with H and W of at least 1, got \(3, 7, 9\)"),
    (PICTURE[:, :, :0], r"picture must be \(N, C, H, W\) with H and W of at least 1, got \(1, 3, 0, 9\)"),
    (PICTURE[:, :1], "picture must have the 3 channels of the weight, got 1"),
    (PICTURE.double(), "picture must have the type of the weight, torch.float32, got torch.float64"),
    (PICTURE.to("meta"), "all tensors must be on one device, got picture on meta, weights on cpu"),
]


@pytest.mark.parametrize(("picture", "message"), REJECTED, ids=[message[:40] for _, message in REJECTED])
def test_rejects(make_net: MakeNet, picture: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ops.l2h_net(picture, ops.l2h_net_pack(make_net()))
    if picture.device.type == "cpu":
        with pytest.raises(InputError, match=message):
            reference.l2h_net(picture, make_net())


def test_tail_rejects(make_net: MakeNet) -> None:
    net, tail = make_net(), pack_tail(make_net())
    with pytest.raises(InputError, match="x must have the 24 channels of the weight, got 3"):
        ops.l2h_tail(PICTURE, tail)
    with pytest.raises(InputError, match="x must have the 24 channels of the weight, got 3"):
        reference.l2h_tail(PICTURE, net.upsamplings, net.hr, net.last)
    with pytest.raises(InputError, match=r"negative_slope must be 0\.\.1, got 2"):
        ops.l2h_tail(make_picture(channels=24), tail, 2)
    with pytest.raises(InputError, match="all tensors must be on one device, got x on meta, weights on cpu"):
        ops.l2h_tail(make_picture(channels=24).to("meta"), tail)


def test_streams_reject(small_net: PackedL2HNet) -> None:
    for sizes, options, message in [
        ((0, 9), {}, "height must be at least 1, got 0"),
        ((9, -1), {}, "width must be at least 1, got -1"),
        ((9, 9), {"strip_rows": 0}, "strip_rows must be at least 1, got 0"),
        ((9, 9), {"batch": -1}, "batch must be at least 0, got -1"),
    ]:
        with pytest.raises(InputError, match=message):
            L2HStream(small_net, *sizes, **options)


@pytest.mark.parametrize("strip_rows", [36, None])
def test_streams_reject_what_is_read(small_net: PackedL2HNet, strip_rows: int | None) -> None:
    stream = L2HStream(small_net, 60, 110, strip_rows=strip_rows)
    rows = 60 if strip_rows is None else 36
    for wrong, got in [
        (torch.ones(1, 3, rows - 1, 110), rf"\(1, 3, {rows - 1}, 110\) torch.float32 on cpu"),
        (torch.ones(2, 3, rows, 110), rf"\(2, 3, {rows}, 110\) torch.float32 on cpu"),
        (torch.ones(1, 3, rows, 110).double(), rf"\(1, 3, {rows}, 110\) torch.float64 on cpu"),
        (torch.ones(1, 3, rows, 110).to("meta"), rf"\(1, 3, {rows}, 110\) torch.float32 on meta"),
    ]:
        rule = rf"read must give \(1, 3, {rows}, 110\) torch.float32 on cpu, got {got}"
        with pytest.raises(InputError, match=rule):
            next(iter(stream.run(lambda begin, end, wrong=wrong: wrong)))
