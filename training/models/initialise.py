"""Starting weights."""

from __future__ import annotations

import torch
from torch import nn

from srdgan_rt.models.l2h import L2HNet

_COLOURS = 3


@torch.no_grad()
def initialise(net: L2HNet, seed: int) -> None:
    """Initialises a net as a bilinear enlarger, so that training starts from a good picture.

    All weights are drawn as ESRGAN does (He initialisation times 0.1). Then the first three channels are made to
    carry red, green and blue unchanged through the net: the two upsampling convolutions get the kernel
    [1 2 1] / 4 on both axes, which after a nearest x2 enlargement is exact bilinear interpolation, and the residual
    branches do not change those channels at first. Training may change all of that.

    Args:
        net: changed in place.
        seed: of the random weights.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=0, mode="fan_in", generator=generator)
            module.weight *= 0.1
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    if net.num_features < _COLOURS:
        return
    tent = torch.tensor([0.25, 0.5, 0.25])
    point = torch.tensor([0.0, 1.0, 0.0])
    path = [(net.conv_first, point), *((conv, tent) for conv in net.upsampling_convs())]
    path += [(net.conv_hr, point), (net.conv_last, point)]
    for conv, profile in path:
        conv.weight[:_COLOURS] = 0
        for colour in range(_COLOURS):
            conv.weight[colour, colour] = torch.outer(profile, profile)
    net.conv_body.weight[:_COLOURS] = 0
