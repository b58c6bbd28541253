"""How real generated noise is: that of the high-to-low net beside that of phone frames it never saw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from srdgan_rt.metrics import measure_noise
from srdgan_rt.models.h2l import H2LNet, draw_noise
from training.data import Array, as_array, as_tensor, read_phone_pairs, round_to_8_bits
from training.data_h2l import enlarge_samples
from training.noise_level import NoiseShape

_CROP = 96  # pixels a side of each held-out frame: the middle
_NUM_BINS = 8
_FEWEST_SAMPLES = 500  # a bin with fewer tells nothing about a variance


@dataclass(frozen=True)
class _Noise:
    """Noise of several pictures, pooled."""

    variance: npt.NDArray[np.float64]  # (_NUM_BINS,) NaN where there are too few samples
    neighbours: float  # correlation with the next pixel, mean of both directions
    channels: float  # correlation between two channels, mean of the three pairs


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
        self._real = _pool(self._pairs)

    @torch.no_grad()
    def measure(self, net: H2LNet) -> dict[str, object]:
        """Compares.

        Args:
            net: on the CPU.

        Returns:
            Figures for the log, pairs as [generated, real]: ``noise_sd`` (1/255) for each of eight bins of the
            intensity that holds enough samples, ``noise_variance_error`` (mean relative error of the variance over
            those bins), ``noise_lag1`` and ``noise_channels`` (correlation of neighbours and of channels),
            ``noise_kl`` (KL divergence of the histograms of the noise, mean over pictures) and ``colour_shift``
            (1/255): how far the mean colour of a picture moves, mean over pictures. None where there is no noise to
            measure.
        """
        generated, shifts, divergences = [], [], []
        for index, ((noisy, clean), level) in enumerate(zip(self._pairs, self._levels, strict=True)):
            high = as_tensor(enlarge_samples(clean))[None]
            noise = draw_noise(high, level, torch.Generator().manual_seed(index))
            low = round_to_8_bits(as_array(net(high, noise)[0].clamp(0, 1)))
            generated.append((low, clean))
            shifts.append(np.abs((low - clean).mean((0, 1))).mean() * 255)
            divergences.append(_divergence(noisy - clean, low - clean))
        ours, real = _pool(generated), self._real
        both = ~np.isnan(real.variance) & ~np.isnan(ours.variance)
        variances = zip(ours.variance[both], real.variance[both], strict=True)
        error = np.abs(ours.variance[both] / real.variance[both] - 1)
        return {
            "noise_sd": [[_figure(255 * math.sqrt(v), 2) for v in pair] for pair in variances],
            "noise_variance_error": _figure(error.mean(), 3) if len(error) else None,
            "noise_lag1": [_figure(ours.neighbours, 3), _figure(real.neighbours, 3)],
            "noise_channels": [_figure(ours.channels, 3), _figure(real.channels, 3)],
            "noise_kl": _figure(float(np.mean(divergences)), 4),
            "colour_shift": _figure(float(np.mean(shifts)), 3),
        }


def _divergence(real: Array, generated: Array) -> float:
    """KL divergence of the histogram of generated noise from that of real noise, in steps of 1/255.

    The mean of each channel is taken out of both: ``colour_shift`` tells of it.
    """
    p, q = (_histogram(noise - noise.mean((0, 1))) for noise in (real, generated))
    return float((p * np.log(p / q)).sum())


def _histogram(noise: Array) -> npt.NDArray[np.float64]:
    counts = np.bincount(np.clip(np.rint(255 * noise).astype(int) + 255, 0, 510).ravel(), minlength=511) + 0.5
    return np.asarray(counts / counts.sum(), np.float64)


def _pool(pairs: list[tuple[Array, Array]]) -> _Noise:
    """Variance by intensity over all samples; correlations as the mean over the (noisy, clean) pictures.

    One correlation over everything would be that of the noisiest picture. Flat black frames have none and do not count.
    """
    totals, counts = np.zeros(_NUM_BINS), np.zeros(_NUM_BINS)
    neighbours, channels = [], []
    for noisy, clean in pairs:
        statistics = measure_noise(noisy, clean, num_bins=_NUM_BINS)
        bins = np.minimum((statistics.intensity * _NUM_BINS).astype(int), _NUM_BINS - 1)
        totals[bins] += statistics.variance * statistics.count
        counts[bins] += statistics.count
        neighbours.append(float(np.mean(statistics.autocorrelation)))
        channels.append(float(statistics.channel_correlation[np.triu_indices(3, 1)].mean()))
    variance = np.where(counts >= _FEWEST_SAMPLES, totals / np.maximum(counts, 1), np.nan)
    return _Noise(variance, _mean_of_numbers(neighbours), _mean_of_numbers(channels))


def _mean_of_numbers(values: list[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan


def _figure(value: float, digits: int) -> float | None:
    """Rounded for the log; JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), digits)


def _middle(image: npt.NDArray[np.uint8]) -> Array:
    y, x = (max(0, side - _CROP) // 2 for side in image.shape[:2])
    return np.asarray(image[y : y + _CROP, x : x + _CROP] / np.float32(255), np.float32)
