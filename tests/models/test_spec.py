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


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize(("blocks", "features", "growth"), [(1, 3, 2), (2, 5, 4)])
def test_num_parameters_counts_the_network(blocks, features, growth, scale):
    net = L2HNet(blocks, features, growth, scale)
    spec = ModelSpec(blocks, features, growth, scale)
    assert spec.num_parameters == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_macs_per_pixel_counts_the_convolutions(scale):
    net, pixels, macs = L2HNet(2, 5, 3, scale), 36, 0

    def count(conv, inputs, output):
        nonlocal macs
        macs += output.shape[2] * output.shape[3] * conv.weight.numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net(torch.zeros(1, 3, 6, 6))
    assert ModelSpec(2, 5, 3, scale).macs_per_pixel * pixels == macs


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_feature_values_per_pixel_counts_what_convolutions_read_and_write(scale):
    net, pixels, values = L2HNet(2, 5, 3, scale), 36, 0

    def count(conv, inputs, output):
        nonlocal values
        values += inputs[0].numel() + output.numel()

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net(torch.zeros(1, 3, 6, 6))
    assert ModelSpec(2, 5, 3, scale).feature_values_per_pixel * pixels == values


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_receptive_radius_is_where_influence_ends(scale):
    """With positive weights nothing cancels, so the gradient shows the exact reach of a middle pixel."""
    net = L2HNet(1, 2, 1, scale).double()
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    radius = ModelSpec(1, 2, 1, scale).receptive_radius
    size = 2 * radius + 9
    x = torch.full((1, 3, size, size), 0.5, dtype=torch.float64, requires_grad=True)
    middle = size // 2
    block = net(x)[:, :, scale * middle : scale * (middle + 1), scale * middle : scale * (middle + 1)]
    block.sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (middle - rows.min().item(), rows.max().item() - middle) == (radius, radius)


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
