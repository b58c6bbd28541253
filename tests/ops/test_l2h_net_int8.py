"""l2h_net with dense blocks in int8: against the same arithmetic in plain PyTorch, and against float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import L2HLayers, L2HStream, reference
from srdgan_rt.ops._int8 import conv_int8, to_levels

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]
ComputeWithThreads: TypeAlias = Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]


def make_picture(size: tuple[int, int] = (13, 18), batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, *size, generator=torch.Generator().manual_seed(1))


def measure(layers: L2HLayers, picture: Tensor) -> list[Tensor]:
    """Ranges that nothing in this picture exceeds."""
    ranges = []
    features = F.conv2d(picture, *layers.first, padding=1)
    for index in range(0, len(layers.dense), 5):
        x = [features]
        for layer in layers.dense[index : index + 4]:
            x.append(F.leaky_relu(F.conv2d(torch.cat(x, 1), *layer, padding=1), 0.2))
        slab = torch.cat(x, 1)
        deviations = ops.reference.measure_deviations(features).mean(1).sqrt()
        points = ops.reference.transform_features(slab)[0] / ops.reference.measure_spreads(features, deviations)
        unused = torch.zeros(slab.shape[1] - len(deviations))
        ranges.append(torch.cat([points.abs().amax(2), torch.cat([deviations, unused])[None]]))
        features = reference.dense_block(features, layers.dense[index : index + 5])  # near enough to an RRDB's
    return ranges


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def only_one_conv(layers: L2HLayers, kept: int) -> L2HLayers:
    """Of the first dense block one convolution and the last: with more, a rounding that falls to the other side, which
    1e-7 can decide, moves others."""
    silent = [(torch.zeros_like(weight), torch.zeros_like(bias)) for weight, bias in layers.dense]
    dense = [layer if index in (kept, 4) else silent[index] for index, layer in enumerate(layers.dense)]
    return replace(layers, dense=dense)


@pytest.mark.isa
@pytest.mark.parametrize("kept", range(5))
@pytest.mark.parametrize("channels", [(32, 16), (24, 8), (3, 5)])
def test_matches_reference(make_net: MakeNet, channels: tuple[int, int], kept: int) -> None:
    layers = only_one_conv(make_net(features=channels[0], growth=channels[1]), kept)
    picture = make_picture(batch=2)
    ranges = measure(layers, picture)
    result = ops.l2h_net(picture, ops.l2h_net_pack(layers, ranges))
    exact, rounded = reference.l2h_net(picture, layers), reference.l2h_net(picture, layers, ranges)
    assert rms(rounded - exact) > 1e-5  # there is something to match
    # Sums in another order differ by about 1e-4 of a step, so up to 3 values of 10,000 are rounded to the other side.
    # With an error of one step each, that is 6 % of what rounding itself costs (0.29 steps). Truncation costs 100 %.
    assert rms(result - rounded) < 0.1 * rms(rounded - exact)


@pytest.mark.isa
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (7, 2), (8, 8), (13, 61)])
def test_is_near_float32(make_net: MakeNet, size: tuple[int, int]) -> None:
    layers, picture = make_net(num_rrdbs=2), make_picture(size)
    result = ops.l2h_net(picture, ops.l2h_net_pack(layers, measure(layers, make_picture((64, 64)))))
    exact = ops.l2h_net(picture, ops.l2h_net_pack(layers))
    assert 0 < rms(result - exact) < 0.02 * max(rms(exact), 0.1)


@pytest.mark.isa
def test_what_exceeds_its_range_is_cut_off(make_net: MakeNet) -> None:
    layers, picture = only_one_conv(make_net(), 4), make_picture()
    ranges = measure(layers, picture)
    narrow = [torch.cat([block[:36] / 10, block[36:]]) for block in ranges]
    result = ops.l2h_net(picture, ops.l2h_net_pack(layers, narrow))
    exact, cut = reference.l2h_net(picture, layers), reference.l2h_net(picture, layers, narrow)
    assert rms(cut - exact) > 10 * rms(reference.l2h_net(picture, layers, ranges) - exact)
    assert rms(result - cut) < 0.01 * rms(cut - exact)


@pytest.mark.isa
def test_channels_that_are_always_zero_need_no_range(make_net: MakeNet) -> None:
    layers = make_net()
    layers.first[0].zero_()
    layers.first[1].zero_()
    ranges = measure(layers, make_picture())
    assert float(ranges[0].amin()) == 0
    assert ops.l2h_net(make_picture(), ops.l2h_net_pack(layers, ranges)).isfinite().all()


def test_transformed_features_make_a_convolution() -> None:
    x = torch.randn(2, 3, 9, 14, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points, means = ops.reference.transform_features(x)
    assert points.shape == (36, 3, 2 * 3 * 4)
    assert means.shape == (3, 2 * 3 * 4)
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    bias = torch.randn(5, dtype=torch.float64)
    exact = F.conv2d(x, weight, bias, padding=1)
    spreads = torch.linspace(0.5, 2, 24, dtype=torch.float64)
    rounded = conv_int8(x, (weight, bias), to_levels((points / spreads).abs().amax(2)), spreads)
    assert 0 < rms(rounded - exact) < 0.05 * rms(exact)


def test_flat_features_have_no_error() -> None:
    x = torch.tensor([0.3, -5.0, 700.0], dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, 16, 20)
    points, means = ops.reference.transform_features(x)
    torch.testing.assert_close(means, x[0, :, 0, :1].expand(3, 4 * 5), rtol=1e-15, atol=0)
    weight = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bias = torch.randn(5, dtype=torch.float64)
    rounded = conv_int8(x, (weight, bias), to_levels(points.abs().amax(2)), torch.ones(20))
    inner = (..., slice(4, 12), slice(4, 16))  # tiles at the border see the zeros around the map
    torch.testing.assert_close(rounded[inner], F.conv2d(x, weight, bias, padding=1)[inner], rtol=1e-12, atol=1e-12)


@pytest.mark.isa
def test_a_flat_picture_stays_flat(make_net: MakeNet) -> None:
    layers = make_net(num_rrdbs=2)
    net, exact = ops.l2h_net_pack(layers, measure(layers, make_picture((64, 64)))), ops.l2h_net_pack(layers)
    for value in (0.0, 0.2, 0.7, 1.0):
        picture = torch.full((1, 3, 96, 96), value)
        inner = (..., slice(160, 224), slice(160, 224))  # the border's influence does not reach it
        result = ops.l2h_net(picture, net)[inner]
        assert float(result.amax((2, 3)).sub(result.amin((2, 3))).max()) < 1e-5
        torch.testing.assert_close(result, ops.l2h_net(picture, exact)[inner], rtol=0, atol=1e-5)


def test_spreads() -> None:
    x = torch.zeros(1, 2, 8, 8)
    x[..., :4] = torch.tensor([3.0, -3.0]).repeat(2)  # left tiles vary, right ones only at their edge
    squares = ops.reference.measure_deviations(x)
    assert squares.shape == (2, 4)
    typical = torch.tensor([1.0, 1e-9])  # a channel that hardly varied must not count more than a thousandfold
    spreads = ops.reference.measure_spreads(x, typical)
    assert spreads[0] > 1.5 * spreads[1]
    torch.testing.assert_close(spreads, ((squares[0] + squares[1] * 1e6) / 2).sqrt())
    assert ops.reference.measure_spreads(0 * x, typical).tolist() == 4 * [pytest.approx(0.05)]


def test_levels() -> None:
    assert to_levels(torch.tensor([[0.0, 12.7, 254.0]])).tolist() == [[pytest.approx(5e5), pytest.approx(10), 0.5]]
    assert to_levels(torch.zeros(1, 2)).isfinite().all()


@pytest.mark.isa
def test_same_bits_for_any_number_of_threads_and_strips(
    make_net: MakeNet, compute_with_threads: ComputeWithThreads
) -> None:
    layers, picture = make_net(), make_picture((90, 110))
    net = ops.l2h_net_pack(layers, measure(layers, picture))
    results = compute_with_threads(lambda: ops.l2h_net(picture, net), (1, 2, 5))
    stream = L2HStream(net, 90, 110, strip_rows=72)
    assert stream.strip_rows < 90
    results.append(torch.cat(list(stream.run(lambda begin, end: picture[:, :, begin:end])), 2))
    assert all(torch.equal(result, results[0]) for result in results)


def test_a_packed_dense_block_is_about_its_weights(make_net: MakeNet) -> None:
    """A byte for each of 36 points in place of nine floats, and what a sum takes: levels, starts and steps."""
    few, more = make_net(1, features=64, growth=32), make_net(2, features=64, growth=32)

    def size(layers: L2HLayers) -> int:
        return ops.l2h_net_pack(layers, measure(layers, make_picture())).weights.numel()

    weights = 4 * sum(weight.numel() + bias.numel() for weight, bias in few.dense)
    assert weights < size(more) - size(few) < 1.2 * weights


def test_opcheck_compile_and_export(make_net: MakeNet) -> None:
    layers, picture = make_net(features=5, growth=3), make_picture()
    net = ops.l2h_net_pack(layers, measure(layers, picture))
    torch.library.opcheck(torch.ops.srdgan_rt.l2h_net, (picture, net.weights, net.scale, 0.2))
    run = torch.compile(lambda x: ops.l2h_net(x, net) + 1, fullgraph=True, backend="aot_eager")
    assert torch.equal(run(picture), ops.l2h_net(picture, net) + 1)

    class Net(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return ops.l2h_net(x, net)

    assert torch.equal(torch.export.export(Net(), (picture,)).module()(picture), ops.l2h_net(picture, net))


def test_rejects(make_net: MakeNet) -> None:
    layers = make_net()
    ranges = measure(layers, make_picture())
    for wrong, message in [
        (ranges[:2], "ranges must be one for each of 3 dense blocks, got 2"),
        ([*ranges[:2], ranges[2][:, 1:]], r"ranges of dense block 3 must be \(37, 56\), got \(37, 55\)"),
        ([-ranges[0], *ranges[1:]], "ranges of dense block 1 must be finite and at least 0"),
        ([ranges[0] / 0, *ranges[1:]], "ranges of dense block 1 must be finite and at least 0"),
    ]:
        with pytest.raises(InputError, match=message):
            ops.l2h_net_pack(layers, wrong)
        with pytest.raises(InputError, match=message):
            reference.l2h_net(make_picture(), layers, wrong)
