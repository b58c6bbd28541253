"""How real generated noise is: that of the high-to-low net beside that of phone frames it never saw."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from srdgan_rt.image import enlarge_samples
from srdgan_rt.metrics import SourceNoise, measure_picture, round_to_8_bits
from srdgan_rt.models.h2l import H2LNet, draw_noise
from training.data import SCALE, Array, as_array, as_tensor, read_phone_pairs
from training.noise_level import NoiseShape

_CROP = 96  # pixels a side of each held-out frame: the middle


class NoiseReport:
    """Measures generated noise against held-out phone frames of the same content.

    The clean twin of each frame is enlarged, the net photographs it at the noise level of the frame, and the noise it
    puts there is compared with the noise that the phone put there. So both have the same distribution of brightness.

    Args:
        folder: pairs ``*_clean.png`` / ``*_noisy.png`` that nothing is trained on.
        shape: tells the level of each frame.

    Raises:
        InputError: there are no pairs, or one does not fit.
    """

    def __init__(self, folder: Path, shape: NoiseShape) -> None:
        self._pairs: list[tuple[Array, Array]] = []
        self._levels: list[float] = []
        for images in read_phone_pairs(folder):
            clean, noisy = (_middle(image) for image in images)
            self._pairs.append((noisy, clean))
            self._levels.append(shape.level(noisy, clean))
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
            high = as_tensor(enlarge_samples(clean, SCALE))[None]
            noise = draw_noise(high, level, torch.Generator().manual_seed(index))
            ours.pictures.append(measure_picture(round_to_8_bits(as_array(net(high, noise)[0])), clean))
        variances = [pair for pair in zip(ours.variance, real.variance, strict=True) if not any(map(math.isnan, pair))]
        return {
            "noise_sd": [[_figure(math.sqrt(variance), 2) for variance in pair] for pair in variances],
            "noise_variance_error": _figure(ours.variance_error(real), 3),
            "noise_lag1": [_figure(noise.autocorrelation[0], 3) for noise in (ours, real)],
            "noise_channels": [_figure(noise.channels.mean(), 3) for noise in (ours, real)],
            "noise_akld": _figure(ours.akld_from(real), 4),
            "colour_shift": _figure(ours.colour_shift, 3),
        }


def _figure(value: float, digits: int) -> float | None:
    """Rounded for the log; JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), digits)


def _middle(image: npt.NDArray[np.uint8]) -> Array:
    y, x = (max(0, side - _CROP) // 2 for side in image.shape[:2])
    return np.asarray(image[y : y + _CROP, x : x + _CROP] / np.float32(255), np.float32)
