"""Levels flat areas: changes conv_last so that an area of one colour keeps its colour.

A network may make flat areas slightly too dark or too bright, such as 254.4 of 255. The error is linear in the weights
of the last layer: all pixels of a flat area have the same features before it, or, where noise is added, the same mean
features. Least squares find the correction that changes the results of ordinary pictures least.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.models.h2l import draw_noise

_DARK = (1, 2, 4, 8, 16, 32, 64, 90, 115, 160, 257, 350, 514, 800, 1285, 2000, 3000, 4112, 6000, 8000, 12000)
_LIGHT = (*range(16_448, 65_535, 2_056), 64_000, 65_000, 65_278, 65_535)
_COLOURS = (0, 1285, 16_448, 32_896, 49_344, 65_535)  # of each channel
_WHITE = 65_535
_GREY_WEIGHT = 10.0  # of the errors of greys; that of changes of ordinary pictures is 1
_COLOUR_WEIGHT = 0.01  # of the errors of colours
_PIXELS = 8192  # of each ordinary picture's result
_NOISY_SIDE = 64  # of a flat area that is made noisy, whose mean counts
_BATCH = 32  # of such areas
_HALVINGS = 20  # of the range in which a mean lies
_REACH = 0.3  # standard deviations of the noise by which clipping may move a mean that is corrected

Net = TypeVar("Net", L2HNet, H2LNet)


@torch.no_grad()
def level_flats(net: L2HNet, pictures: Iterable[Tensor]) -> float:
    """Levels a net that enlarges: changes the weights of conv_last in place.

    Args:
        net: in fp32 on the CPU, without pixel-unshuffle.
        pictures: ordinary low-resolution pictures, (1, 3, H, W) in [0, 1].

    Returns:
        How much the results of these pictures change: root of the mean square, in 1/255.
    """
    ordinary = (_read_inputs(net.conv_last, functools.partial(net, picture)) for picture in pictures)
    flats, weights = _make_flats()
    endless = _without_borders(net)
    features = _find_input(endless.conv_last, lambda: endless(flats[:, :, None, None]))  # (N, F, h, w), constant
    inputs = features[:, :, 0, 0, None].expand(-1, -1, 9).flatten(1)
    return _correct(net.conv_last, ordinary, inputs, flats, weights)


@torch.no_grad()
def level_noisy_flats(net: H2LNet, levels: Sequence[float], pictures: Iterable[Tensor]) -> float:
    """Levels a net that degrades: the mean colour of noisy flat areas, clipped as in files, becomes that of the area.

    Areas so near to black or white that clipping moves their mean by much do not count.

    Args:
        net: in fp32 on the CPU.
        levels: noise levels at which flat areas are levelled; ordinary pictures get them in turn.
        pictures: ordinary clean pictures, (1, 3, H, W) in [0, 1], H and W multiples of the scale.

    Returns:
        As :func:`level_flats`.
    """
    generator = torch.Generator().manual_seed(0)
    ordinary = (
        _read_inputs(net.conv_last, functools.partial(net, picture, draw_noise(picture, level, generator)))
        for picture, level in zip(pictures, itertools.cycle(levels), strict=False)
    )
    flats, weights = _make_flats()
    endless = _without_borders(net)
    means, wanted, counted = [], [], []
    for level in levels:
        noise = draw_noise(torch.empty(1, 3, _NOISY_SIDE, _NOISY_SIDE), level, generator)
        for batch in flats[:, :, None, None].split(_BATCH):
            areas = batch.expand(-1, *noise.shape[1:])
            # And its opposite, so that the mean of the noise itself is zero.
            drawn = (noise.expand_as(areas), -noise.expand_as(areas))
            both = [_read_inputs(endless.conv_last, functools.partial(endless, areas, each)) for each in drawn]
            inputs = torch.cat(both, 2)
            means.append(inputs.mean(2))
            targets, are_near = _find_means(_apply(net.conv_last, inputs.mT).mT, batch[..., 0, 0])
            wanted.append(targets)
            counted.append(are_near)
    weights = weights.repeat(len(levels)) / len(levels) * torch.cat(counted)
    return _correct(net.conv_last, ordinary, torch.cat(means), torch.cat(wanted), weights)


def _find_means(results: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """The means that noisy areas need before they are clipped, so that they have their colours after it.

    Args:
        results: samples of each area, (N, 3, pixels), not clipped.
        colours: (N, 3) in [0, 1].

    Returns:
        (N, 3), and which areas have means near their colours, (N,): no mean makes noisy black black.
    """
    noise = results - results.mean(2, keepdim=True)
    reach = _REACH * noise.std(2)
    low, high = colours - 2 * reach, colours + 2 * reach
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_dark = (noise + middle[..., None]).clamp(0, 1).mean(2) < colours
        low, high = torch.where(is_dark, middle, low), torch.where(is_dark, high, middle)
    means = (low + high) / 2
    return means, ((means - colours).abs() <= reach).all(1)


def _make_flats() -> tuple[Tensor, Tensor]:
    """Colours of flat areas (N, 3) in [0, 1], and how much their errors matter (N,)."""
    greys = torch.tensor([[level] * 3 for level in (*_DARK, *_LIGHT)])
    colours = torch.tensor(list(itertools.product(_COLOURS, repeat=3)))
    weights = torch.tensor([_GREY_WEIGHT / len(greys)] * len(greys) + [_COLOUR_WEIGHT / len(colours)] * len(colours))
    return torch.cat([greys, colours]) / _WHITE, weights.double()


def _without_borders(net: Net) -> Net:
    """A copy for which a picture goes on beyond its borders, so that a small area stands for an endless one."""
    endless = copy.deepcopy(net)
    for module in endless.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "circular"
    return endless


def _find_input(layer: nn.Conv2d, run: Callable[[], object]) -> Tensor:
    """The input of a layer while something runs."""
    found: list[Tensor] = []
    with layer.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0])):
        run()
    return found[0]


def _read_inputs(layer: nn.Conv2d, run: Callable[[], object]) -> Tensor:
    """What each pixel of a layer's result is made of: (N, K, pixels)."""
    padding, stride = layer.padding, layer.stride
    assert not isinstance(padding, str)
    return F.unfold(_find_input(layer, run), layer.kernel_size, padding=padding, stride=stride)


def _correct(layer: nn.Conv2d, ordinary: Iterable[Tensor], inputs: Tensor, wanted: Tensor, weights: Tensor) -> float:
    """Corrects a layer so that its results are as wanted, and those of ordinary pictures change little.

    Args:
        layer: the layer; changed in place.
        ordinary: inputs of its pixels in ordinary pictures, (1, K, pixels) each.
        inputs: (N, K).
        wanted: result for each, (N, 3).
        weights: how much errors of these matter, (N,).

    Returns:
        How much the results of ordinary pictures change: root of the mean square, in 1/255.
    """
    changes = _mean_products(ordinary)
    errors = _apply(layer, inputs) - wanted
    inputs = _append_one(inputs)
    weighted = inputs * weights[:, None]
    products = changes + weighted.T @ inputs
    products.diagonal().add_(1e-9 * products.diagonal().mean())
    correction = -torch.linalg.solve(products, weighted.T @ errors)  # (K + 1, 3)
    assert layer.bias is not None
    layer.weight += correction[:-1].T.reshape(layer.weight.shape).float()
    layer.bias += correction[-1].float()
    return 255 * float((correction * (changes @ correction)).sum(0).mean().sqrt())


def _apply(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    """The layer's results (..., 3) in float64 for inputs (..., K)."""
    assert layer.bias is not None
    return inputs.double() @ layer.weight.flatten(1).T.double() + layer.bias.double()


def _mean_products(ordinary: Iterable[Tensor]) -> Tensor:
    """Means of the products of any two inputs of a pixel, and of 1 for the bias: (K + 1, K + 1)."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(())
    count = 0
    for pixels in ordinary:
        inputs = _append_one(pixels[0].T)
        inputs = inputs[torch.randperm(len(inputs), generator=generator)[:_PIXELS]]
        total = total + inputs.T @ inputs
        count += len(inputs)
    return total / count


def _append_one(inputs: Tensor) -> Tensor:
    return F.pad(inputs.double(), (0, 1), value=1.0)
