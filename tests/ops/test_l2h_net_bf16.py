"""l2h_net in bfloat16: against the same rounding in plain PyTorch, and against float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.ops import L2HLayers, L2HStream, reference

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]
ComputeWithThreads: TypeAlias = Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]


def make_picture(size: tuple[int, int] = (13, 18), batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, *size, generator=torch.Generator().manual_seed(1))


def compute(picture: Tensor, layers: L2HLayers) -> Tensor:
    return ops.l2h_net(picture, ops.l2h_net_pack(layers, bf16=True))


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def only_one_block(layers: L2HLayers) -> L2HLayers:
    """The first dense block alone. With more, a rounding that falls to the other side, which 1e-7 decides, moves
    others."""
    silent = [(torch.zeros_like(weight), torch.zeros_like(bias)) for weight, bias in layers.dense[5:]]
    return replace(layers, dense=[*layers.dense[:5], *silent])


@pytest.mark.isa
@pytest.mark.parametrize("channels", [(64, 32), (32, 16), (24, 8), (48, 16), (3, 5)])
def test_matches_reference(make_net: MakeNet, channels: tuple[int, int]) -> None:
    layers = only_one_block(make_net(features=channels[0], growth=channels[1]))
    picture = make_picture(batch=2)
    result = compute(picture, layers)
    exact, rounded = reference.l2h_net(picture, layers), reference.l2h_net(picture, layers, bf16=True)
    assert rms(rounded - exact) > 1e-5  # there is something to match
    assert rms(result - rounded) < 0.25 * rms(rounded - exact)  # truncation costs 100 %


@pytest.mark.isa
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (7, 2), (8, 8), (13, 61)])
def test_is_near_float32(make_net: MakeNet, size: tuple[int, int]) -> None:
    layers, picture = make_net(num_rrdbs=2), make_picture(size)
    exact = ops.l2h_net(picture, ops.l2h_net_pack(layers))
    assert 0 < rms(compute(picture, layers) - exact) < 0.002 * max(rms(exact), 0.1)


@pytest.mark.isa
def test_same_for_any_number_of_threads(make_net: MakeNet, compute_with_threads: ComputeWithThreads) -> None:
    layers, picture = make_net(), make_picture((40, 130))
    first, *others = compute_with_threads(lambda: compute(picture, layers), (1, 2, 3))
    assert all(torch.equal(first, other) for other in others)


@pytest.mark.isa
def test_same_in_strips(make_net: MakeNet) -> None:
    layers, picture = make_net(), make_picture((130, 110))
    net = ops.l2h_net_pack(layers, bf16=True)
    stream = L2HStream(net, 130, 110, strip_rows=36)
    strips = list(stream.run(lambda begin, end: picture[:, :, begin:end]))
    assert len(strips) > 2
    assert torch.equal(torch.cat(strips, 2), ops.l2h_net(picture, net))


def test_packed_net_is_smaller(make_net: MakeNet) -> None:
    layers = make_net(features=64, growth=32, num_rrdbs=4)
    sizes = {bf16: ops.l2h_net_pack(layers, bf16=bf16).weights.numel() for bf16 in (False, True)}
    numbers = sum(weight.numel() for weight, _ in layers.dense)
    # conv_hr, conv_last and the enlargements: 64 points, or 25 products, of floats, against 9, or 16, taps.
    tail = 64 * (64 + 16) * (4 * 64 - 2 * 9) + len(layers.upsamplings) * 64 * 64 * (4 * 25 - 2 * 16)
    assert sizes[False] - sizes[True] == pytest.approx(4 * 64 / 9 * numbers - 2 * numbers + tail, rel=0.01)


@pytest.mark.isa
def test_layers_behind_the_dense_blocks_keep_flat_pictures(make_net: MakeNet) -> None:
    """A flat picture: what rounding takes from a tap is added to the next smaller one."""
    layers = make_net(num_upsamplings=2)
    silent = [(torch.zeros_like(weight), torch.zeros_like(bias)) for weight, bias in layers.dense]
    layers, picture = replace(layers, dense=silent), torch.full((1, 3, 16, 16), 0.7)
    exact = ops.l2h_net(picture, ops.l2h_net_pack(layers))
    assert (compute(picture, layers) - exact)[..., 16:48, 16:48].abs().max() < 0.001 * exact.abs().max()
    with_int8 = ops.l2h_net_pack(layers, [torch.ones(37, 56)] * 3, bf16=True)
    assert torch.equal(ops.l2h_net(picture, with_int8), compute(picture, layers))
