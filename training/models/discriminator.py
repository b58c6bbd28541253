"""The discriminators: one for the noise of the high-to-low net, one for the pictures of the low-to-high net."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from srdgan_rt.errors import InputError
from srdgan_rt.models.h2l import NOISE_SIGMA

_NEGATIVE_SLOPE = 0.2
_NUM_HIDDEN = 3
_INPUT_CHANNELS = 11  # three powers of the deviation of three colours, brightness, noise level
_LARGEST_DEVIATION = 3.0  # in noise levels: cubes of more would dominate
_SMALLEST_LEVEL = 0.5 / 255  # rounding is noise, too; and nothing is divided by 0
_MEAN_SIDE = 5  # pixels a side of a local mean


class NoiseDiscriminator(nn.Module):
    """A small patch discriminator: every logit depends on 13 x 13 pixels of a low-resolution picture.

    - **It sees noise and its brightness, not colours.** The input is the deviation from the local mean, and that mean
      as grey, without gradient. So the generator learns how noise depends on the signal, but its colours do not move
      towards those of the phone frames, which show other scenes.
    - **Moments.** The square and the cube of the deviation are inputs too. Strength and skew of the noise at each
      brightness are then sums over the window. With the deviation alone, 2,000 steps did not teach them.
    - **Small windows.** Large windows would show the scenes; 13 x 13 pixels show little but noise.
    - **No stride, no padding.** Noise differs from pixel to pixel, and a border of zeros is not noise.
    - **Spectral normalisation** on every layer but the last, because a discriminator that is always right teaches
      nothing. With a normalised last layer it was too weak to learn how noise depends on brightness.
    - **It knows the noise level.** Deviations are divided by the level, so that noise of every ISO has the same size,
      and its logarithm is a channel. So the discriminator decides whether noise *of this level* looks like a phone's.

    Args:
        num_features: channels of the hidden layers.

    Raises:
        InputError: ``num_features`` is not positive.
    """

    WINDOW = _MEAN_SIDE + 2 * (_NUM_HIDDEN + 1)
    """Pixels a side that a logit depends on, the smallest size of a picture."""

    def __init__(self, num_features: int = 64) -> None:
        super().__init__()
        if num_features < 1:
            raise InputError(f"num_features must be at least 1, got {num_features}")
        widths = [_INPUT_CHANNELS] + [num_features] * _NUM_HIDDEN + [1]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise(widths))
        for conv in self.convs[:-1]:
            spectral_norm(conv)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Computes logits.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1], at least ``WINDOW`` pixels a side.
            level: ``(N,)`` noise level of each (:class:`training.data.noise_level.NoiseShape`).

        Returns:
            ``(N, 1, H - 12, W - 12)`` logits, high where the picture looks real.

        Raises:
            InputError: the pictures are smaller than a window.
        """
        if min(x.shape[2:]) < self.WINDOW:
            size = tuple(x.shape[2:])
            raise InputError(f"pictures must have at least {self.WINDOW} pixels a side, got {size}")
        border = _MEAN_SIDE // 2
        mean = F.avg_pool2d(x, _MEAN_SIDE, stride=1)
        scale = level.clamp_min(_SMALLEST_LEVEL).view(-1, 1, 1, 1)
        deviation = (x[..., border:-border, border:-border] - mean) / scale
        brightness = 4 * (mean.detach().mean(1, keepdim=True) - 0.5)
        size_channel = torch.log(scale / NOISE_SIGMA).expand_as(brightness)
        bounded = deviation.clamp(-_LARGEST_DEVIATION, _LARGEST_DEVIATION)
        moments = [deviation, bounded**2 - 1, bounded**3 / 3]
        x = torch.cat([*moments, brightness, size_channel], 1)  # (N, 11, H - 4, W - 4)
        *hidden, last = self.convs
        for conv in hidden:
            x = F.leaky_relu(conv(x), _NEGATIVE_SLOPE)
        logits: Tensor = last(x)
        return logits


class PictureDiscriminator(nn.Module):
    """A patch discriminator for enlarged pictures: every logit depends on ``7 * 2 ** num_halvings`` pixels a side.

    ESRGAN's discriminator has fully connected layers, which fix the patch size, and batch normalisation, whose
    statistics processes would have to exchange. This one takes patches of any size, and compares texture in many
    windows of a picture. Spectral normalisation keeps it from being always right. Without
    padding no logit sees a false edge.

    Args:
        num_features: channels of the first layer; each halving doubles them, up to eightfold.
        num_halvings: convolutions of stride 2.

    Raises:
        InputError: a size is out of range.
    """

    def __init__(self, num_features: int = 64, num_halvings: int = 3) -> None:
        super().__init__()
        if num_features < 1:
            raise InputError(f"num_features must be at least 1, got {num_features}")
        if num_halvings < 0:
            raise InputError(f"num_halvings must be at least 0, got {num_halvings}")
        self.window = 7 * 2**num_halvings
        widths = [num_features * min(2**halving, 8) for halving in range(num_halvings + 1)]
        convs = [nn.Conv2d(3, widths[0], 3)]
        convs += [nn.Conv2d(a, b, 4, 2) for a, b in pairwise(widths)]
        convs += [nn.Conv2d(widths[-1], widths[-1], 3), nn.Conv2d(widths[-1], 1, 3)]
        self.convs = nn.ModuleList(map(spectral_norm, convs))

    def forward(self, x: Tensor) -> Tensor:
        """Computes logits.

        Args:
            x: ``(N, 3, H, W)`` RGB, nominally in [0, 1], at least ``window`` pixels a side.

        Returns:
            ``(N, 1, H', W')`` logits, high where the picture looks real; one logit if the picture is one window.

        Raises:
            InputError: the pictures are smaller than a window.
        """
        if min(x.shape[2:]) < self.window:
            size = tuple(x.shape[2:])
            raise InputError(f"pictures must have at least {self.window} pixels a side, got {size}")
        x = 4 * (x - 0.5)
        *hidden, last = self.convs
        for conv in hidden:
            x = F.leaky_relu(conv(x), _NEGATIVE_SLOPE)
        logits: Tensor = last(x)
        return logits
