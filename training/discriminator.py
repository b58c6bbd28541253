"""The judge of the high-to-low stage: does this noise come from a phone?"""

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
_INPUT_CHANNELS = 5  # the deviation of three colours, brightness, noise level
_SMALLEST_LEVEL = 0.5 / 255  # rounding is noise, too; and nothing is divided by 0
_MEAN_SIDE = 5  # pixels a side of a local mean


class NoiseDiscriminator(nn.Module):
    """A small patch discriminator: every logit judges 13 x 13 pixels of a low-resolution picture.

    - **It sees noise and its brightness, not colours.** The input is the deviation from the local mean, and beside it
      that mean as grey, through which no gradient flows: the generator learns how noise depends on the signal, but
      nothing ever pulls its colours towards those of the phone frames, which show other scenes.
    - **Small windows.** A judge with a wide view would learn the scenes; in 13 x 13 pixels there is little but noise.
    - **No stride, no padding.** Noise lives in single pixels, and a border of zeros is no noise.
    - **Spectral normalisation** on every layer but the last, against a judge that wins outright and leaves nothing to
      learn from. The last layer is free: held to a slope of one, the judge was too weak to see how noise depends on
      brightness.
    - **It knows the noise level.** Deviations are divided by it, so that noise of every ISO has the same size, and its
      logarithm is a channel of its own: what it asks is whether noise *of this level* looks like that of the phone.

    Args:
        num_features: channels of the hidden layers.

    Raises:
        InputError: ``num_features`` is not positive.
    """

    WINDOW = _MEAN_SIDE + 2 * (_NUM_HIDDEN + 1)
    """Pixels a side that a logit sees; smaller pictures cannot be judged."""

    def __init__(self, num_features: int = 64) -> None:
        super().__init__()
        if num_features < 1:
            raise InputError(f"num_features must be at least 1, got {num_features}")
        widths = [_INPUT_CHANNELS] + [num_features] * _NUM_HIDDEN + [1]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise(widths))
        for conv in self.convs[:-1]:
            spectral_norm(conv)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Judges pictures.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1], at least ``WINDOW`` pixels a side.
            level: ``(N,)`` noise level of each (:class:`training.noise_level.NoiseShape`).

        Returns:
            ``(N, 1, H - 12, W - 12)`` logits, high where the picture looks real.

        Raises:
            InputError: the pictures are smaller than a window.
        """
        if min(x.shape[2:]) < self.WINDOW:
            size = tuple(x.shape[2:])
            raise InputError(f"pictures of at least {self.WINDOW} pixels a side can be judged, got {size}")
        border = _MEAN_SIDE // 2
        mean = F.avg_pool2d(x, _MEAN_SIDE, stride=1)
        level = level.clamp_min(_SMALLEST_LEVEL).view(-1, 1, 1, 1)
        deviation = (x[..., border:-border, border:-border] - mean) / level
        brightness = 4 * (mean.detach().mean(1, keepdim=True) - 0.5)
        size = torch.log(level / NOISE_SIGMA).expand_as(brightness)
        x = torch.cat([deviation, brightness, size], 1)  # (N, 5, H - 4, W - 4)
        *hidden, last = self.convs
        for conv in hidden:
            x = F.leaky_relu(conv(x), _NEGATIVE_SLOPE)
        logits: Tensor = last(x)
        return logits
