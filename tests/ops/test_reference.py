"""The definitions in plain PyTorch, which need no extension, against numbers worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from srdgan_rt.models import L2HNet
from srdgan_rt.ops import L2HLayers, Layer, reference


def test_nearest_downsample() -> None:
    x = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6)
    assert (reference.nearest_downsample(x, 4) * 255).round().tolist() == [[[[14.0]]]]
    assert (reference.nearest_downsample(x, 4, 0) * 255).round().tolist() == [[[[0.0, 4.0], [24.0, 28.0]]]]


def test_upsample_conv() -> None:
    """One sample, enlarged to 2x2: each output sees a 2x2 corner of the kernel."""
    weight = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    y = reference.upsample_conv(torch.tensor([[[[2.0]]]]), weight, torch.tensor([-40.0]), 0.5)
    # 2 * (5 + 6 + 8 + 9) - 40, 2 * (4 + 5 + 7 + 8) - 40, (2 * (2 + 3 + 5 + 6) - 40) / 2, (2 * (1 + 2 + 4 + 5) - 40) / 2
    assert y[0, 0].tolist() == [[16.0, 8.0], [-4.0, -8.0]]


def test_upsample_conv_gradcheck() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 2, 2, 3), (3, 2, 3, 3), (3,)]
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(reference.upsample_conv, inputs)


def centre(value: float, out_channels: int, in_channels: int, bias: float = 0.0) -> Layer:
    """A convolution that adds up its channels, times the value."""
    weight = torch.zeros(out_channels, in_channels, 3, 3)
    weight[:, :, 1, 1] = value
    return weight, torch.full((out_channels,), bias)


def test_dense_block_and_rrdb_trunk() -> None:
    """One sample of 1: the features are 1, 1, 2, 4 and 8, the last adds up 16, a block multiplies by 4.2."""
    layers = [centre(1.0, 1, i) for i in range(1, 6)]
    x = torch.ones(1, 1, 1, 1)
    torch.testing.assert_close(reference.dense_block(x, layers), torch.full_like(x, 4.2))
    torch.testing.assert_close(reference.rrdb_trunk(x, 3 * layers), torch.full_like(x, 1 + 0.2 * 4.2**3))
    # The first convolution gives -1 * 0.5: features 1, -0.5, 0.5, 1 and 2, in all 4.
    layers[0] = centre(-1.0, 1, 1)
    torch.testing.assert_close(reference.dense_block(x, layers, 0.5), torch.full_like(x, 1 + 0.2 * 4))


def test_l2h_tail() -> None:
    """2 * 0.5 - 2 = -1, times 0.2; 3 * -0.2 + 1 = 0.4; 5 * 0.4 - 1 = 1."""
    y = reference.l2h_tail(
        torch.full((1, 1, 1, 1), 0.5), [centre(2.0, 1, 1, -2.0)], centre(3.0, 1, 1, 1.0), centre(5.0, 3, 1, -1.0)
    )
    torch.testing.assert_close(y, torch.ones(1, 3, 2, 2))


def test_l2h_net_is_the_model() -> None:
    torch.manual_seed(0)
    for scale in (1, 2, 4):
        net = L2HNet(2, 6, 4, scale).double()
        convs: list[Layer] = [(m.weight, m.bias) for m in net.modules() if isinstance(m, nn.Conv2d)]  # type: ignore[misc]
        first, dense, (body, *upsamplings, hr, last) = convs[0], convs[1:31], convs[31:]
        picture = torch.rand(1, 3, 5, 7, dtype=torch.float64)
        layers = L2HLayers(first, dense, body, upsamplings, hr, last)
        assert torch.equal(reference.l2h_net(picture, layers), net(picture))


def test_l2h_net_gradcheck(make_net: Callable[..., L2HLayers]) -> None:
    net = make_net(features=2, growth=1, num_upsamplings=1, dtype=torch.float64)
    picture = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = net.dense[3][0].requires_grad_()

    def run(picture: Tensor, _: Tensor) -> Tensor:
        return reference.l2h_net(picture, net)

    assert torch.autograd.gradcheck(run, (picture, weight))
