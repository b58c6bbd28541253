"""The high-to-low network of the paper (section 3.2, Fig. 2 top row; equation 1): from clean HR to noisy LR."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.checks import is_number
from srdgan_rt.errors import InputError

NEGATIVE_SLOPE = 0.2
SHORTCUT_SCALE = 0.3
NOISE_SIGMA = 0.05  # standard deviation of N in the paper, for pictures in [0, 1]

_COLOURS = 3
_INPUT_CHANNELS = 2 * _COLOURS  # the picture and as many channels of noise


def draw_noise(clean: Tensor, sigma: float = NOISE_SIGMA, generator: torch.Generator | None = None) -> Tensor:
    """Draws the noise N that :class:`H2LNet` turns into camera noise.

    Args:
        clean: ``(N, 3, H, W)``; the noise has its shape, dtype and device.
        sigma: standard deviation, at least 0. A larger one makes the result noisier; 0 makes it deterministic.
        generator: source of the noise, on the device of ``clean``; None for torch's own.

    Returns:
        ``(N, 3, H, W)`` Gaussian noise of mean 0.

    Raises:
        InputError: ``sigma`` is negative.
    """
    if not sigma >= 0:
        raise InputError(f"sigma must be at least 0, got {sigma}")
    return sigma * torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)


def check_noise_level(level: float) -> float:
    """A standard deviation of N as a finite float.

    Raises:
        InputError: it is no number, negative or not finite.
    """
    if not is_number(level) or not 0 <= level < float("inf"):
        raise InputError(f"noise_level must be a number of at least 0, got {level!r}")
    return float(level)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and two activations, the second after the shortcut (as in ResNet and CARN).

    Args:
        in_channels: channels of the input. Where they are fewer than ``num_features``, the shortcut is padded with zero
            channels; the paper has no further convolution there.
        num_features: channels of the output, at least ``in_channels``.
    """

    def __init__(self, in_channels: int, num_features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, num_features, 3, 1, 1)
        self.conv2 = nn.Conv2d(num_features, num_features, 3, 1, 1)
        self._missing_channels = num_features - in_channels

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, F, H, W)
        residual = self.conv2(F.leaky_relu(self.conv1(x), NEGATIVE_SLOPE))
        if self._missing_channels:
            x = F.pad(x, (0, 0, 0, 0, 0, self._missing_channels))
        return F.leaky_relu(x + residual, NEGATIVE_SLOPE)


class H2LNet(nn.Module):
    """Degradation network: residual blocks at high resolution, then one convolution whose stride is the scale.

    The noise N has three input channels of its own. The net can then tell signal from noise and scale the one by the
    other, which a sum would not allow. Extra shortcuts lead from the input and from every block to the last
    convolution, which reads their concatenation. The outputs of the blocks are scaled down: thousands of weights read
    them, and one step of Adam, which changes all of them by the same amount, would change the mean colour.

    An untrained net returns exactly the sample in the middle of each block, ``(clean + noise)[scale // 2 :: scale]`` on
    both axes: Table 1's "noise added to HR_c", downsampled by the nearest neighbour. For why it is the middle one, see
    :func:`srdgan_rt.image.resample.shift_half_pixel`.

    Args:
        num_blocks: residual blocks; the paper has four.
        num_features: channels of every block, at least 6.
        scale: reduction, 1, 2 or 4.

    Raises:
        InputError: a size is out of range.
    """

    def __init__(self, num_blocks: int = 4, num_features: int = 64, scale: int = 4) -> None:
        super().__init__()
        if num_blocks < 1:
            raise InputError(f"num_blocks must be at least 1, got {num_blocks}")
        if num_features < _INPUT_CHANNELS:
            raise InputError(f"num_features must be at least {_INPUT_CHANNELS}, got {num_features}")
        if scale not in (1, 2, 4):
            raise InputError(f"scale must be 1, 2 or 4, got {scale}")
        self.num_blocks = num_blocks
        self.num_features = num_features
        self.scale = scale
        widths = [_INPUT_CHANNELS] + [num_features] * num_blocks
        self.body = nn.ModuleList(ResidualBlock(width, num_features) for width in widths[:-1])
        self.conv_last = nn.Conv2d(sum(widths), _COLOURS, 3, scale)
        # Result i reads scale * i + phase - 1 .. scale * i + phase + 1. At a scale of 4 that lies inside its block: the
        # first row and column are cropped (negative padding) and nothing is padded.
        phase = scale // 2
        before, after = 1 - phase, max(0, phase + 2 - scale)
        self.last_padding = (before, after, before, after)
        self._start_as_sample()

    @torch.no_grad()
    def _start_as_sample(self) -> None:
        nn.init.zeros_(self.conv_last.weight)
        assert self.conv_last.bias is not None
        nn.init.zeros_(self.conv_last.bias)
        for colour in range(_COLOURS):
            for source in (colour, _COLOURS + colour):  # the picture and its noise
                self.conv_last.weight[colour, source, 1, 1] = 1

    def forward(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Degrades a batch of clean pictures (equation 1).

        Args:
            clean: ``(N, 3, H, W)`` RGB in [0, 1]; H and W are multiples of the scale.
            noise: ``(N, 3, H, W)`` from :func:`draw_noise`.

        Returns:
            ``(N, 3, H / scale, W / scale)`` RGB, nominally in [0, 1], not clamped.

        Raises:
            InputError: the shapes do not fit.
        """
        if clean.ndim != 4 or clean.shape[1] != _COLOURS or clean.shape != noise.shape:
            shapes = f"{tuple(clean.shape)} and {tuple(noise.shape)}"
            raise InputError(f"clean and noise must both be of shape (N, 3, H, W), got {shapes}")
        if clean.shape[2] % self.scale or clean.shape[3] % self.scale:
            raise InputError(f"height and width must be multiples of {self.scale}, got {tuple(clean.shape[2:])}")
        features = torch.cat([clean, noise], 1)  # (N, 6, H, W)
        shortcuts = [features]
        for block in self.body:
            features = block(features)  # (N, F, H, W)
            shortcuts.append(SHORTCUT_SCALE * features)
        result: Tensor = self.conv_last(F.pad(torch.cat(shortcuts, 1), self.last_padding))
        return result  # (N, 3, H / scale, W / scale)
