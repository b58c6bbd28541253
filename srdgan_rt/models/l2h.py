"""The low-to-high network of the paper (section 3.3, Fig. 2 bottom row; equation 7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.models.convolve import convolve

RESIDUAL_SCALE = 0.2
NEGATIVE_SLOPE = 0.2


def check_scale(scale: int, unshuffle: int) -> None:
    """Checks the scale of a network.

    Raises:
        InputError: the scale, or its product with ``unshuffle``, is not 1, 2 or 4.
    """
    for name, value in (("scale", scale), ("scale times unshuffle", scale * unshuffle)):
        if value not in (1, 2, 4):
            raise InputError(f"{name} must be 1, 2 or 4, got {value}")


def unshuffle_pixels(x: Tensor, factor: int) -> Tensor:  # (N, C, H, W) -> (N, C * factor^2, H / factor, W / factor)
    """Makes each block of ``factor`` x ``factor`` pixels one pixel of more channels.

    A picture whose sides are not multiples of ``factor`` is padded at the right and the bottom: mirrored, or by
    repeating the last pixel where it is too small for that.
    """
    if factor == 1:
        return x
    right, bottom = -x.shape[3] % factor, -x.shape[2] % factor
    if right:
        x = F.pad(x, (0, right, 0, 0), "reflect" if right < x.shape[3] else "replicate")
    if bottom:
        x = F.pad(x, (0, 0, 0, bottom), "reflect" if bottom < x.shape[2] else "replicate")
    return F.pixel_unshuffle(x, factor)


class ResidualDenseBlock(nn.Module):
    """Five 3x3 convolutions, each of which reads everything before it (RDB).

    Args:
        num_features: channels of the input and of the output.
        growth_channels: channels that each of the first four convolutions adds.
    """

    def __init__(self, num_features: int, growth_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_features, growth_channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(num_features + growth_channels, growth_channels, 3, 1, 1)
        self.conv3 = nn.Conv2d(num_features + 2 * growth_channels, growth_channels, 3, 1, 1)
        self.conv4 = nn.Conv2d(num_features + 3 * growth_channels, growth_channels, 3, 1, 1)
        self.conv5 = nn.Conv2d(num_features + 4 * growth_channels, num_features, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, C, H, W)
        features = [x]
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            features.append(F.leaky_relu(conv(torch.cat(features, 1)), NEGATIVE_SLOPE))
        residual: Tensor = self.conv5(torch.cat(features, 1))
        return x + RESIDUAL_SCALE * residual


class ResidualInResidualDenseBlock(nn.Module):
    """Three dense blocks in a row with a scaled shortcut around them (RRDB)."""

    def __init__(self, num_features: int, growth_channels: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(num_features, growth_channels)
        self.rdb2 = ResidualDenseBlock(num_features, growth_channels)
        self.rdb3 = ResidualDenseBlock(num_features, growth_channels)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, C, H, W)
        residual: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + RESIDUAL_SCALE * residual


class L2HNet(nn.Module):
    """Super-resolution network: a trunk of RRDBs at low resolution, then nearest x2 + conv twice.

    Parameter names follow the newest ESRGAN style (``body.N.rdbK.convJ``), so that files saved
    from it are read by other tools.

    Args:
        num_blocks: number of RRDBs; the paper uses 25.
        num_features: channels of the trunk.
        growth_channels: channels that each convolution of a dense block adds.
        scale: enlargement, 1, 2 or 4.
        unshuffle: factor of the pixel-unshuffle before the first convolution, 1, 2 or 4, as in Real-ESRGAN's nets for
            x2 and x1. The trunk runs at a lower resolution by this factor, and the tail enlarges by
            ``scale * unshuffle``: one nearest x2 and convolution for each factor of two.

    Raises:
        InputError: a size is not positive, or the scale or its product with ``unshuffle`` is not 1, 2 or 4.
    """

    def __init__(
        self,
        num_blocks: int = 25,
        num_features: int = 64,
        growth_channels: int = 32,
        scale: int = 4,
        unshuffle: int = 1,
    ) -> None:
        super().__init__()
        for name, value in (
            ("num_blocks", num_blocks),
            ("num_features", num_features),
            ("growth_channels", growth_channels),
        ):
            if value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        check_scale(scale, unshuffle)
        self.num_blocks = num_blocks
        self.num_features = num_features
        self.growth_channels = growth_channels
        self.scale = scale
        self.unshuffle = unshuffle
        self.conv_first = nn.Conv2d(3 * unshuffle**2, num_features, 3, 1, 1)
        self.body = nn.Sequential(
            *(ResidualInResidualDenseBlock(num_features, growth_channels) for _ in range(num_blocks))
        )
        self.conv_body = nn.Conv2d(num_features, num_features, 3, 1, 1)
        self._num_upsamplings = (scale * unshuffle).bit_length() - 1
        for index in range(1, self._num_upsamplings + 1):
            setattr(self, f"conv_up{index}", nn.Conv2d(num_features, num_features, 3, 1, 1))
        self.conv_hr = nn.Conv2d(num_features, num_features, 3, 1, 1)
        self.conv_last = nn.Conv2d(num_features, 3, 3, 1, 1)

    convolve = staticmethod(convolve)  # training may replace it

    def upsampling_convs(self) -> list[nn.Conv2d]:
        """The convolutions that each follow a nearest x2 enlargement, in order."""
        return [getattr(self, f"conv_up{index}") for index in range(1, self._num_upsamplings + 1)]

    def forward(self, x: Tensor) -> Tensor:
        """Enlarges a batch.

        Args:
            x: ``(N, 3, H, W)`` RGB, nominally in [0, 1].

        Returns:
            ``(N, 3, scale * H, scale * W)`` RGB, nominally in [0, 1], not clamped.
        """
        height, width = x.shape[2:]
        convolve = self.convolve
        features = convolve(self.conv_first, unshuffle_pixels(x, self.unshuffle))  # (N, F, H / unshuffle, ...)
        features = features + convolve(self.conv_body, self.body(features))
        for conv in self.upsampling_convs():
            features = F.interpolate(features, scale_factor=2, mode="nearest")
            features = convolve(conv, features, NEGATIVE_SLOPE)
        features = convolve(self.conv_hr, features, NEGATIVE_SLOPE)
        result = convolve(self.conv_last, features)  # (N, 3, scale * H, scale * W), or more where H, W are no multiples
        return result if self.unshuffle == 1 else result[..., : self.scale * height, : self.scale * width]
