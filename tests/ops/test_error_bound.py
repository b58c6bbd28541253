"""The ops' rounding errors stay within what an analysis allows, and what is wrong by little more does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.ops import L2HLayers, Layer, reference

error_bound = pytest.importorskip("error_bound", reason="benchmarks/ is not there: this is not a source tree")

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

MakeNet: TypeAlias = Callable[..., L2HLayers]
SIZES = [(64, 32), (32, 16), (3, 5)]


def make_picture() -> Tensor:
    return torch.rand(1, 3, 13, 14, generator=torch.Generator().manual_seed(1))


def make_features(channels: int) -> Tensor:
    """Neighbours do not correlate: what the transforms enlarge errors most for."""
    return torch.randn(1, channels, 18, 24, generator=torch.Generator().manual_seed(1))


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth"), SIZES)
def test_net(make_net: MakeNet, features: int, growth: int) -> None:
    sizes: dict[str, Any] = {"num_rrdbs": 2, "features": features, "growth": growth}
    net, exact, picture = make_net(**sizes), make_net(**sizes, dtype=torch.float64), make_picture()
    result = ops.l2h_net(picture, ops.l2h_net_pack(net))
    assert error_bound.is_within_rounding(result, lambda: reference.l2h_net(picture.double(), exact))


@pytest.mark.isa
@pytest.mark.parametrize(("features", "growth"), SIZES)
def test_trunk_and_dense_block(make_net: MakeNet, features: int, growth: int) -> None:
    sizes: dict[str, Any] = {"num_rrdbs": 2, "features": features, "growth": growth}
    net, exact, x = make_net(**sizes).dense, make_net(**sizes, dtype=torch.float64).dense, make_features(features)
    result = ops.rrdb_trunk(x, ops.rrdb_trunk_pack(net))
    assert error_bound.is_within_rounding(result, lambda: reference.rrdb_trunk(x.double(), exact))
    result = ops.dense_block(x, ops.dense_block_pack(net[:5]))
    assert error_bound.is_within_rounding(result, lambda: reference.dense_block(x.double(), exact[:5]))


@pytest.mark.isa
@pytest.mark.parametrize("channels", [64, 32, 3])
def test_upsample_conv(make_net: MakeNet, channels: int) -> None:
    x, (weight, bias) = make_features(channels), make_net(features=channels).hr
    exact = weight.double(), bias.double()
    result = ops.upsample_conv(x, weight, bias)
    assert error_bound.is_within_rounding(result, lambda: reference.upsample_conv(x.double(), *exact))


def to_half(layer: Layer) -> Layer:
    weight, bias = layer
    return weight.half().float(), bias


FAULTS: dict[str, Callable[[L2HLayers], L2HLayers]] = {
    "first": lambda net: replace(net, first=to_half(net.first)),
    "body": lambda net: replace(net, body=to_half(net.body)),
    "upsampling": lambda net: replace(net, upsamplings=[net.upsamplings[0], to_half(net.upsamplings[1])]),
    "hr": lambda net: replace(net, hr=to_half(net.hr)),
    "last": lambda net: replace(net, last=to_half(net.last)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_one_layer_of_a_net_in_float16_exceeds_it(make_net: MakeNet, fault: Callable[[L2HLayers], L2HLayers]) -> None:
    net, exact, picture = make_net(), make_net(dtype=torch.float64), make_picture()
    result = ops.l2h_net(picture, ops.l2h_net_pack(fault(net)))
    assert not error_bound.is_within_rounding(result, lambda: reference.l2h_net(picture.double(), exact))


@pytest.mark.parametrize("index", range(5))
def test_one_layer_of_a_dense_block_in_float16_exceeds_it(make_net: MakeNet, index: int) -> None:
    layers, exact, x = make_net().dense[:5], make_net(dtype=torch.float64).dense[:5], make_features(24)
    layers[index] = to_half(layers[index])
    result = ops.dense_block(x, ops.dense_block_pack(layers))
    assert not error_bound.is_within_rounding(result, lambda: reference.dense_block(x.double(), exact))


def convolve(x: Tensor, weight: Tensor, b: Any, g: Any, a: Any) -> Tensor:
    """A convolution of (1, C, 6 m, 6 n) by Winograd's arithmetic in float64."""
    b, g, a = (torch.from_numpy(matrix) for matrix in (b, g, a))
    tiles = F.pad(x[0], (1, 1, 1, 1)).unfold(1, 8, 6).unfold(2, 8, 6)
    products = torch.einsum("ix,jy,cmnxy,is,jt,ocst->omnij", b, b, tiles, g, g, weight)
    return torch.einsum("ki,lj,omnij->omknl", a, a, products).flatten(3, 4).flatten(1, 2)[None]


def test_any_constant_of_the_transforms_that_is_off_exceeds_it(make_net: MakeNet) -> None:
    """By 1e-4 of itself, in one convolution; exact constants leave no error in float64."""
    x, weight = make_features(4).double(), make_net(features=4, dtype=torch.float64).hr[0]
    truth = F.conv2d(x, weight, padding=1)
    torch.testing.assert_close(convolve(x, weight, *error_bound.WINOGRAD), truth, rtol=0, atol=1e-12)
    bound = error_bound.root_mean_square(error_bound.predict_deviation(x, weight))
    for which, matrix in enumerate(error_bound.WINOGRAD):
        for place in zip(*np.nonzero(matrix), strict=True):
            matrices = [matrix.copy() for matrix in error_bound.WINOGRAD]
            matrices[which][place] *= 1 + 1e-4
            assert error_bound.root_mean_square(convolve(x, weight, *matrices) - truth) > bound, (which, place)
