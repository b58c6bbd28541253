"""The networks that are timed: from a file, or of given sizes with random weights, as speed depends only on sizes."""

from __future__ import annotations

import re

import torch
from torch import nn

from srdgan_rt.checkpoint import Model, load_model
from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet, ModelSpec
from srdgan_rt.models.l2h import NEGATIVE_SLOPE, RESIDUAL_SCALE, ResidualDenseBlock

_SIZES = re.compile(r"(\d{1,6})x(\d{1,6})x(\d{1,6})")
_MOST_PARAMETERS = 500_000_000
_SEED = 0
_BRANCH_SCALE = 0.1  # ESRGAN's: small residual branches keep the activations of a deep trunk from growing
_BIAS_DEVIATION = 0.01  # not 0, so that a missing bias shows as a difference


def is_sizes(text: str) -> bool:
    """Whether a text has the form of :func:`parse_sizes`; names and paths of models have not."""
    return _SIZES.fullmatch(text) is not None


def parse_sizes(text: str) -> ModelSpec:
    """Reads the sizes of a net that enlarges x4.

    Args:
        text: ``BLOCKSxFEATURESxGROWTH``, such as ``25x64x32``.

    Returns:
        The sizes; their name says that the weights are random.

    Raises:
        InputError: the text has another form, a size is 0 or the net would have more than 500 million weights.
    """
    match = _SIZES.fullmatch(text)
    if match is None:
        raise InputError(f"a net must be BLOCKSxFEATURESxGROWTH, such as 25x64x32, got {text!r}")
    num_blocks, num_features, growth_channels = map(int, match.groups())
    spec = ModelSpec(num_blocks, num_features, growth_channels, name=f"random {text}")
    if spec.num_parameters > _MOST_PARAMETERS:
        raise InputError(f"a net must have at most {_MOST_PARAMETERS:,} weights, {text} has {spec.num_parameters:,}")
    return spec


def open_model(model: str) -> Model:
    """Loads or makes the network to time.

    Args:
        model: name of a shipped model, path of a weight file, or sizes as :func:`parse_sizes` takes them.

    Returns:
        The network in fp32 on the CPU, in evaluation mode, and what is known about it.

    Raises:
        InputError: the sizes are out of range.
        CheckpointError: the model cannot be loaded.
    """
    if is_sizes(model):
        spec = parse_sizes(model)
        return Model(make_random_net(spec), spec)
    return load_model(model)


@torch.no_grad()
def make_random_net(spec: ModelSpec) -> L2HNet:
    """Makes a network with reproducible random weights that keep activations near 1 at any depth.

    It uses He initialisation, times 0.1 in the dense blocks as ESRGAN does. The residual branch of an RRDB contains its
    input, so that each RRDB multiplies it by at least 1.2: by 95 after 25 of them. The convolutions before and after
    the trunk are each divided by the square root of that growth.

    Args:
        spec: sizes of the network.

    Returns:
        The network in fp32 on the CPU, in evaluation mode.
    """
    with torch.device("meta"):  # PyTorch's own initialisation would use the global random generator
        net = L2HNet(spec.num_blocks, spec.num_features, spec.growth_channels, spec.scale)
    net = net.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(_SEED)
    in_branches = {
        conv for block in net.modules() if isinstance(block, ResidualDenseBlock) for conv in block.children()
    }
    activated = {*net.upsampling_convs(), net.conv_hr}
    for conv in net.modules():
        if isinstance(conv, nn.Conv2d):
            slope = NEGATIVE_SLOPE if conv in activated or conv in in_branches else 1.0  # 1: no activation follows
            nn.init.kaiming_normal_(conv.weight, a=slope, generator=generator)
            if conv in in_branches:
                conv.weight.mul_(_BRANCH_SCALE)
            assert conv.bias is not None  # every convolution of L2HNet has one
            nn.init.normal_(conv.bias, std=_BIAS_DEVIATION, generator=generator)
    growth = (1 + RESIDUAL_SCALE) ** spec.num_blocks
    for conv in (net.conv_first, net.conv_body):
        conv.weight.div_(growth**0.5)
    return net
