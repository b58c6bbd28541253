"""Levels flat areas: changes conv_last so that an area of one colour keeps its colour.

A network may make flat areas slightly too dark or too bright, such as 254.4 of 255. All pixels of a flat area have the
same features before conv_last, so the error is linear in the weights of this layer. Least squares find the correction
that changes the results of ordinary pictures least.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.models import L2HNet

_DARK = (1, 2, 4, 8, 16, 32, 64, 90, 115, 160, 257, 350, 514, 800, 1285, 2000, 3000, 4112, 6000, 8000, 12000)
_LIGHT = (*range(16_448, 65_535, 2_056), 64_000, 65_000, 65_278, 65_535)
_COLOURS = (0, 1285, 16_448, 32_896, 49_344, 65_535)  # of each channel
_WHITE = 65_535
_GREY_WEIGHT = 10.0  # of the errors of greys; that of changes of ordinary pictures is 1
_COLOUR_WEIGHT = 0.01  # of the errors of colours
_PIXELS = 8192  # of each ordinary picture's result


@torch.no_grad()
def level_flats(net: L2HNet, pictures: Iterable[Tensor]) -> float:
    """Changes the weights of conv_last in place.

    Args:
        net: in fp32 on the CPU, without pixel-unshuffle.
        pictures: ordinary low-resolution pictures, (1, 3, H, W) in [0, 1].

    Returns:
        How much the results of these pictures change: root of the mean square, in 1/255.
    """
    changes = _mean_products(net, pictures)
    features, errors, weights = _look_at_flats(net)
    weighted = features * weights[:, None]
    products = changes + weighted.T @ features
    products.diagonal().add_(1e-9 * products.diagonal().mean())
    correction = -torch.linalg.solve(products, weighted.T @ errors)  # (9 F + 1, 3)
    net.conv_last.weight += correction[:-1].T.reshape(net.conv_last.weight.shape).float()
    assert net.conv_last.bias is not None
    net.conv_last.bias += correction[-1].float()
    return 255 * float((correction * (changes @ correction)).sum(0).mean().sqrt())


def _mean_products(net: L2HNet, pictures: Iterable[Tensor]) -> Tensor:
    """Means of the products of any two inputs of conv_last, and of 1 for the bias: (9 F + 1, 9 F + 1)."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(())
    count = 0
    for picture in pictures:
        inputs = _append_one(F.unfold(_last_features(net, picture), 3, padding=1)[0].T)
        inputs = inputs[torch.randperm(len(inputs), generator=generator)[:_PIXELS]]
        total = total + inputs.T @ inputs
        count += len(inputs)
    return total / count


def _look_at_flats(net: L2HNet) -> tuple[Tensor, Tensor, Tensor]:
    """Of each flat area: inputs of conv_last (N, 9 F + 1), errors (N, 3), and how much they matter (N,)."""
    endless = copy.deepcopy(net)
    for module in endless.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "circular"  # a single pixel becomes an area without borders
    greys = torch.tensor([[level] * 3 for level in (*_DARK, *_LIGHT)])
    colours = torch.tensor(list(itertools.product(_COLOURS, repeat=3)))
    flats = torch.cat([greys, colours]) / _WHITE
    features = _last_features(endless, flats[:, :, None, None])[..., 0, 0]  # (N, F): the same at all places
    inputs = _append_one(features[:, :, None].expand(-1, -1, 9).flatten(1))
    assert net.conv_last.bias is not None
    layer = torch.cat([net.conv_last.weight.flatten(1), net.conv_last.bias[:, None]], 1)
    errors = inputs @ layer.T.double() - flats
    weights = torch.tensor([_GREY_WEIGHT / len(greys)] * len(greys) + [_COLOUR_WEIGHT / len(colours)] * len(colours))
    return inputs, errors, weights.double()


def _last_features(net: L2HNet, x: Tensor) -> Tensor:
    """The input of conv_last."""
    found: list[Tensor] = []
    with net.conv_last.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0])):
        net(x)
    return found[0]


def _append_one(inputs: Tensor) -> Tensor:
    return F.pad(inputs.double(), (0, 1), value=1.0)
