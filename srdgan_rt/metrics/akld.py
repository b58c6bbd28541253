"""Averaged Kullback-Leibler divergence (AKLD) between the histograms of real and generated noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_LEVELS = 511
"""Differences of two 8-bit values: -255..255."""


def count_levels(noisy: NDArray[Any], clean: NDArray[Any], *, num_bins: int = 1) -> NDArray[np.int64]:
    """Histograms of noisy minus clean in steps of 1/255.

    Args:
        noisy: ``(..., C)`` in [0, 1].
        clean: same shape, the same scene sample by sample.
        num_bins: number of equal bins of the clean value, each with a histogram of its own.

    Returns:
        ``(num_bins, C, NUM_LEVELS)`` number of samples at each noise level, -255 first.
    """
    num_channels = clean.shape[-1]
    clean, noise = clean.astype(np.float64), noisy.astype(np.float64) - clean
    levels = np.clip(np.rint(255 * noise).astype(np.int64) + 255, 0, NUM_LEVELS - 1)
    bins = np.minimum((clean * num_bins).astype(np.int64), num_bins - 1)  # 1.0 belongs to the last bin
    cells = (bins * num_channels + np.arange(num_channels)) * NUM_LEVELS + levels
    shape = (num_bins, num_channels, NUM_LEVELS)
    return np.bincount(cells.ravel(), minlength=int(np.prod(shape))).reshape(shape)


def akld(real: NDArray[np.int64], generated: NDArray[np.int64]) -> float:
    """KL(real || generated) of the noise of one picture, mean over the channels. The AKLD is the mean over pictures.

    Half a count is added to each level that occurs in either histogram, so a level that one of them lacks by chance
    adds little, and never infinity. Bins are weighted by their number of real samples. With several bins, noise with
    the right histogram at the wrong brightness is penalised.

    Args:
        real: ``(num_bins, C, NUM_LEVELS)`` of :func:`count_levels`.
        generated: same shape.

    Returns:
        Nats, at least 0; NaN where there are no samples.
    """
    either = (real > 0) | (generated > 0)
    p, q = (_normalise(np.where(either, counts + 0.5, 0)) for counts in (real, generated))
    terms = np.where(either, p * np.log(np.where(either, p, 1) / np.where(either, q, 1)), 0)
    divergence = terms.sum(-1)  # (num_bins, C)
    weight = real.sum(-1)
    if not weight.any():
        return float("nan")
    return float(((weight * divergence).sum(0) / weight.sum(0)).mean())


def _normalise(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(-1, keepdims=True)
    return np.asarray(counts / np.where(total > 0, total, 1), np.float64)
