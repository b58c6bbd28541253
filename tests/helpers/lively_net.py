"""Random networks for tests whose results show every mistake."""

from __future__ import annotations

import torch

from srdgan_rt.models import L2HNet


def make_lively_net(
    num_blocks: int = 1, features: int = 8, growth: int = 4, *, scale: int = 4, unshuffle: int = 1, seed: int = 0
) -> L2HNet:
    """A small network whose results lie around the middle of the range and depend on everything in reach."""
    torch.manual_seed(seed)
    net = L2HNet(num_blocks, features, growth, scale, unshuffle).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
        net.conv_last.bias.fill_(0.5)
    return net
