"""A 3x3 convolution of a net outside of dense blocks; training may have it computed by other kernels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def convolve(conv: nn.Conv2d, x: Tensor, negative_slope: float = 1.0) -> Tensor:
    """A convolution and a LeakyReLU: none with a slope of 1, a ReLU with one of 0.

    Args:
        conv: the layer.
        x: ``(N, C_in, H, W)``.
        negative_slope: 0..1.

    Returns:
        ``(N, C_out, H, W)``.
    """
    y: Tensor = conv(x)
    return y if negative_slope == 1 else F.leaky_relu(y, negative_slope)
