import dataclasses

import pytest
import torch

from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet, ModelSpec


def test_figures_of_the_paper():
    paper = ModelSpec(num_blocks=25, num_features=64, growth_channels=32, scale=4)
    assert paper.macs_per_pixel == 19_364_544
    assert paper.receptive_radius == 379
    assert round(paper.num_parameters / 1e6, 1) == 18.1


SCALES = [(1, 1), (2, 1), (4, 1), (2, 2), (1, 2), (1, 4)]  # and pixels a side of what the network sees as one


@pytest.mark.parametrize(("scale", "unshuffle"), SCALES)
@pytest.mark.parametrize(("blocks", "features", "growth"), [(1, 3, 2), (2, 5, 4)])
def test_num_parameters_counts_the_network(blocks, features, growth, scale, unshuffle):
    net = L2HNet(blocks, features, growth, scale, unshuffle)
    spec = ModelSpec(blocks, features, growth, scale, unshuffle=unshuffle)
    assert spec.num_parameters == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("scale", "unshuffle"), SCALES)
def test_macs_per_pixel_counts_the_convolutions(scale, unshuffle):
    net, pixels, macs = L2HNet(2, 5, 3, scale, unshuffle), 64, 0

    def count(conv, inputs, output):
        nonlocal macs
        macs += output.shape[2] * output.shape[3] * conv.weight.numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net(torch.zeros(1, 3, 8, 8))
    assert ModelSpec(2, 5, 3, scale, unshuffle=unshuffle).macs_per_pixel == -(-macs // pixels)


@pytest.mark.parametrize(("scale", "unshuffle"), SCALES)
def test_feature_values_per_pixel_counts_what_convolutions_read_and_write(scale, unshuffle):
    net, pixels, values = L2HNet(2, 5, 3, scale, unshuffle), 64, 0

    def count(conv, inputs, output):
        nonlocal values
        values += inputs[0].numel() + output.numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net(torch.zeros(1, 3, 8, 8))
    assert ModelSpec(2, 5, 3, scale, unshuffle=unshuffle).feature_values_per_pixel == -(-values // pixels)


@pytest.mark.parametrize(("scale", "unshuffle"), SCALES)
def test_receptive_radius_is_where_influence_ends(scale, unshuffle):
    """With positive weights nothing cancels, so the gradient shows the exact reach of a middle pixel."""
    net = L2HNet(1, 2, 1, scale, unshuffle).double()
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    radius = ModelSpec(1, 2, 1, scale, unshuffle=unshuffle).receptive_radius
    size = 2 * radius + 9
    x = torch.full((1, 3, size, size), 0.5, dtype=torch.float64, requires_grad=True)
    middle = size // 2 // unshuffle * unshuffle  # the first of its block, which is seen as one
    block = net(x)[:, :, scale * middle : scale * (middle + 1), scale * middle : scale * (middle + 1)]
    block.sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    # On the far side the first pixel of a block reaches one pixel less.
    assert (middle - rows.min().item(), rows.max().item() - middle) == (radius, radius - (unshuffle > 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_blocks": 0}, "num_blocks must be at least 1, got 0"),
        ({"growth_channels": -1}, "growth_channels must be at least 1, got -1"),
        ({"scale": 3}, "scale must be 1, 2 or 4, got 3"),
        ({"halo": -1}, "halo must be at least 0, got -1"),
        ({"border_padding": -1}, "border_padding must be at least 0, got -1"),
    ],
)
def test_rejects_sizes_out_of_range(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(ModelSpec(1, 8, 4), **change)
