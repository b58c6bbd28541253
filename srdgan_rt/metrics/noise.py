"""Statistics of the noise in a pair of a noisy and a clean picture.

Sensor noise differs from white Gaussian noise: its variance grows with the intensity (shot noise), and demosaicing
correlates neighbouring pixels and the channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError


@dataclass(frozen=True)
class NoiseStatistics:
    """Statistics of the noise, noisy minus clean, for pictures in [0, 1]."""

    intensity: NDArray[np.float64]
    """``(B,)`` mean of the clean samples in each bin; bins divide [0, 1] evenly, and empty ones are left out."""
    variance: NDArray[np.float64]
    """``(B,)`` variance of the noise in each bin."""
    count: NDArray[np.int64]
    """``(B,)`` samples in each bin."""
    autocorrelation: tuple[float, float]
    """Correlation with the next pixel below and to the right; 0 for spatially white noise."""
    channel_correlation: NDArray[np.float64]
    """``(C, C)`` correlation between the channels; the identity where they are independent."""


def measure_noise(noisy: NDArray[Any], clean: NDArray[Any], *, num_bins: int = 16) -> NoiseStatistics:
    """Measures the noise of a pair.

    Args:
        noisy: ``(H, W, C)`` or ``(H, W)``, at least 2x2, values in [0, 1].
        clean: same shape, the same scene pixel by pixel.
        num_bins: number of intensity bins over 0..1, at least 1.

    Returns:
        The statistics. Correlations are NaN where there is no noise at all.

    Raises:
        InputError: shapes differ or are too small, values are not in [0, 1], or there is no bin.
    """
    if noisy.shape != clean.shape:
        raise InputError(f"noisy and clean must be of one shape, got {noisy.shape} and {clean.shape}")
    if noisy.ndim not in (2, 3) or min(noisy.shape[:2]) < 2:
        raise InputError(f"noise is measured on (H, W) or (H, W, C) of at least 2x2, got {noisy.shape}")
    if num_bins < 1:
        raise InputError(f"num_bins must be at least 1, got {num_bins}")
    clean = np.atleast_3d(clean).astype(np.float64)
    noisy = np.atleast_3d(noisy).astype(np.float64)
    for name, picture in (("noisy", noisy), ("clean", clean)):
        if not (picture.min() >= 0 and picture.max() <= 1):
            raise InputError(f"{name} must lie in [0, 1], got {picture.min():g}..{picture.max():g}")
    noise = noisy - clean
    return NoiseStatistics(
        *_variance_by_intensity(noise, clean, num_bins),
        autocorrelation=(_correlate(noise[:-1], noise[1:]), _correlate(noise[:, :-1], noise[:, 1:])),
        channel_correlation=_correlate_channels(noise),
    )


def autocorrelate(noise: NDArray[np.float64], num_lags: int) -> NDArray[np.float64]:
    """Spatial autocorrelation of noise.

    Args:
        noise: ``(H, W, C)`` noisy minus clean.
        num_lags: largest distance in pixels, at least 1.

    Returns:
        ``(num_lags,)`` correlation at distances of 1, 2, ... pixels, mean of both directions; NaN without noise, and
        for distances beyond the size of the picture.
    """
    correlations = np.full(num_lags, np.nan)
    for lag in range(1, min(num_lags + 1, *noise.shape[:2])):
        downwards, rightwards = _correlate(noise[:-lag], noise[lag:]), _correlate(noise[:, :-lag], noise[:, lag:])
        correlations[lag - 1] = (downwards + rightwards) / 2
    return correlations


def _variance_by_intensity(
    noise: NDArray[np.float64], clean: NDArray[np.float64], num_bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    bins = np.minimum((clean * num_bins).astype(np.int64), num_bins - 1).ravel()  # 1.0 belongs to the last bin

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(bins, values.ravel(), num_bins)[used] / count, dtype=np.float64)

    counts = np.bincount(bins, minlength=num_bins)
    used = counts > 0
    count = counts[used]
    variance = np.maximum(mean(noise**2) - mean(noise) ** 2, 0)  # rounding errors may give -1e-20
    return mean(clean), variance, count


def _correlate(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's correlation over all samples, each channel about its own mean."""
    a = a - a.mean((0, 1))
    b = b - b.mean((0, 1))
    scale = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / scale if scale > 0 else float("nan")


def _correlate_channels(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    channels = np.moveaxis(noise, -1, 0).reshape(noise.shape[-1], -1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a channel without noise: NaN, as documented
        return np.atleast_2d(np.asarray(np.corrcoef(channels), dtype=np.float64))
