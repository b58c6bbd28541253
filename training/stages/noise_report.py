"""Compares the noise of the high-to-low net with that of held-out phone frames."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.image import enlarge_samples
from srdgan_rt.metrics import SourceNoise, measure_picture
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.models.h2l import H2LNet, draw_noise
from srdgan_rt.pixels import crop_centre, round_to_8_bits, to_float32
from training.data.noise_level import NoiseShape
from training.data.pictures import Array, Bytes, as_array, as_tensor

_CROP = 96  # pixels a side of each held-out frame: the middle
_NUM_DRAWN = 4  # frames to look at


class NoiseReport:
    """Measures generated noise against held-out phone frames of the same content.

    The clean frame of each pair is enlarged, the net degrades it at the noise level of the noisy frame, and the
    noise of both is compared. So both have the same distribution of brightness.

    Args:
        frames: (clean, noisy) that nothing is trained on, ``(H, W, 3)`` each.
        shape: tells the level of each.
    """

    def __init__(self, frames: Iterable[tuple[Bytes, Bytes]], shape: NoiseShape) -> None:
        self._pairs: list[tuple[Array, Array]] = []
        self._levels: list[float] = []
        for images in frames:
            clean, noisy = (to_float32(crop_centre(image, _CROP)) for image in images)
            self._pairs.append((noisy, clean))
            self._levels.append(float(shape.levels(*(torch.from_numpy(part)[None] for part in (noisy, clean)))))
        self._real = SourceNoise("real", [measure_picture(*pair) for pair in self._pairs])

    @torch.no_grad()
    def measure(self, net: H2LNet) -> dict[str, object]:
        """Compares.

        Args:
            net: on the CPU.

        Returns:
            Figures for the log, pairs as [generated, real]: ``noise_sd`` (1/255) for each of eight bins of the
            intensity that holds enough samples, ``noise_variance_error`` (mean relative error of the variance over
            those bins), ``noise_lag1`` and ``noise_channels`` (correlation of neighbours and of channels),
            ``noise_akld`` (divergence of the histograms, see :func:`srdgan_rt.metrics.akld`) and ``colour_shift``
            (1/255): how far the mean colour of a picture moves in the channel that moves most, mean over pictures. None
            where there is no noise to measure.
        """
        ours, real = SourceNoise("generated"), self._real
        for index, ((_, clean), level) in enumerate(zip(self._pairs, self._levels, strict=True)):
            ours.pictures.append(measure_picture(_degrade(net, clean, level, index), clean))
        variances = [pair for pair in zip(ours.variance, real.variance, strict=True) if not any(map(math.isnan, pair))]
        return {
            "noise_sd": [[_figure(math.sqrt(variance), 2) for variance in pair] for pair in variances],
            "noise_variance_error": _figure(ours.variance_error(real), 3),
            "noise_lag1": [_figure(noise.autocorrelation[0], 3) for noise in (ours, real)],
            "noise_channels": [_figure(noise.channels.mean(), 3) for noise in (ours, real)],
            "noise_akld": _figure(ours.akld_from(real), 4),
            "colour_shift": _figure(ours.colour_shift, 3),
        }

    @torch.no_grad()
    def draw(self, net: H2LNet) -> dict[str, Tensor]:
        """Pictures to look at: the first frames, each clean, with the net's noise, and with the phone's.

        Args:
            net: the net to measure.

        Returns:
            Pictures ``(3, H, W)`` in [0, 1] by name.
        """
        pictures = {}
        for index, ((noisy, clean), level) in enumerate(zip(self._pairs, self._levels, strict=True)):
            if index == _NUM_DRAWN:
                break
            row = np.concatenate([clean, _degrade(net, clean, level, index), noisy], 1)
            pictures[f"clean, generated, real/{index}"] = as_tensor(row)
        return pictures


def _degrade(net: H2LNet, clean: Array, level: float, seed: int) -> Array:
    """Enlarges and degrades a clean frame ``(H, W, 3)``; the same size, 8 bits."""
    high = as_tensor(enlarge_samples(clean, SCALE))[None]
    noise = draw_noise(high, level, torch.Generator().manual_seed(seed))
    device = next(net.parameters()).device
    return round_to_8_bits(as_array(net(high.to(device), noise.to(device))[0].cpu()))


def _figure(value: float, digits: int) -> float | None:
    """Rounded for the log; JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), digits)
