"""Compares generated noise with the noise of real photographs, on the same clean pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.metrics.akld import NUM_LEVELS, akld, count_levels
from srdgan_rt.metrics.evaluation import Failure
from srdgan_rt.metrics.noise import autocorrelate, measure_noise
from srdgan_rt.metrics.noise_sources import NoisePair, NoiseSource, Picture, match_variance
from srdgan_rt.pixels import crop_centre

NUM_BINS = 8
"""Number of bins of the clean value."""
NUM_LAGS = 8
"""Number of distances of the autocorrelation: 1, 2, ... pixels."""
_MIN_SAMPLES = 500  # fewer samples in a bin do not give a usable variance
_CROP = 48  # pixels a side of the crops in reports


@dataclass(frozen=True)
class PictureNoise:
    """The noise of one picture."""

    counts: NDArray[np.int64]
    """``(NUM_BINS, 3, NUM_LEVELS)`` histograms of the noise by intensity and channel."""
    autocorrelation: NDArray[np.float64]
    """``(NUM_LAGS,)`` mean of both directions; the first is lag 1. NaN without noise, and beyond the picture."""
    channels: NDArray[np.float64]
    """``(3,)`` correlation of R-G, R-B and G-B; NaN without noise."""
    colour_shift: float
    """Difference of the mean from that of the clean picture, in 1/255; the largest of the channels."""
    crop: Picture
    """The centre of the noisy picture, ``(48, 48, 3)`` or smaller."""


def measure_picture(noisy: Picture, clean: Picture) -> PictureNoise:
    """Measures the noise of a picture.

    Args:
        noisy: ``(H, W, 3)`` RGB in [0, 1], at least 2x2.
        clean: the same scene pixel by pixel.

    Returns:
        Its noise.

    Raises:
        InputError: the shapes or values do not fit.
    """
    statistics = measure_noise(noisy, clean, num_bins=NUM_BINS)
    noise = noisy.astype(np.float64) - clean
    return PictureNoise(
        count_levels(noisy, clean, num_bins=NUM_BINS),
        autocorrelate(noise, NUM_LAGS),
        statistics.channel_correlation[np.triu_indices(3, 1)],
        255 * float(np.abs(noise.mean((0, 1))).max()),
        crop_centre(noisy, _CROP),
    )


@dataclass
class SourceNoise:
    """The noise of one source, or the real noise, in all pictures."""

    name: str
    pictures: list[PictureNoise] = field(default_factory=list)
    num_unmatched: int = 0
    """Number of pictures for which no level gave the variance of the real noise."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """``(NUM_BINS, 3, NUM_LEVELS)`` histograms over all pictures."""
        return np.asarray(np.sum([picture.counts for picture in self.pictures], axis=0), np.int64)

    @property
    def variance(self) -> NDArray[np.float64]:
        """``(NUM_BINS,)`` variance of the noise in each intensity bin, in (1/255)²; NaN for too few samples.

        It is taken about the mean of each picture and averaged over all samples.
        """
        counts = np.array([picture.counts.sum(1) for picture in self.pictures])  # (K, NUM_BINS, NUM_LEVELS)
        levels = np.arange(NUM_LEVELS) - 255
        samples = counts.sum(-1)
        mean = counts @ levels / np.maximum(samples, 1)
        variance = counts @ levels**2 / np.maximum(samples, 1) - mean**2
        total = samples.sum(0)
        pooled = (variance * samples).sum(0) / np.maximum(total, 1)
        return np.where(total >= _MIN_SAMPLES, pooled, np.nan)

    @property
    def autocorrelation(self) -> NDArray[np.float64]:
        """``(NUM_LAGS,)`` mean over pictures."""
        return mean_of_numbers([picture.autocorrelation for picture in self.pictures])

    @property
    def channels(self) -> NDArray[np.float64]:
        """``(3,)`` correlation of R-G, R-B and G-B, mean over pictures."""
        return mean_of_numbers([picture.channels for picture in self.pictures])

    @property
    def colour_shift(self) -> float:
        """Colour shift in 1/255, mean over pictures."""
        return float(mean_of_numbers([np.array(picture.colour_shift) for picture in self.pictures]))

    def akld_from(self, real: SourceNoise, *, by_intensity: bool = False) -> float:
        """AKLD to the real noise of the same pictures, nats."""
        pairs = zip(real.pictures, self.pictures, strict=True)
        return float(np.mean([_diverge(ours.counts, theirs.counts, by_intensity) for ours, theirs in pairs]))

    def variance_error(self, real: SourceNoise) -> float:
        """Relative error of the variance by intensity, mean over the bins; NaN where no bin can be compared."""
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.abs(self.variance / real.variance - 1)
        return float(mean_of_numbers(error[np.isfinite(error)]))


@dataclass
class Comparison:
    """Noise sources compared with real noise on one data set."""

    data_set: str
    seed: int
    low_resolution: bool
    real: SourceNoise
    sources: list[SourceNoise]
    clean_crops: list[Picture] = field(default_factory=list)
    floors: list[tuple[float, float]] = field(default_factory=list)
    """For each picture: AKLD between two halves of its pixels, plain and by intensity; the least a source can reach."""
    names: list[str] = field(default_factory=list)
    """Names of the pictures that were compared."""
    failures: list[Failure] = field(default_factory=list)


def compare_noise(
    data_set: str,
    pairs: Mapping[str, Callable[[], NoisePair]],
    sources: Sequence[NoiseSource],
    *,
    seed: int = 0,
    low_resolution: bool = False,
    on_step: Callable[[], None] | None = None,
) -> Comparison:
    """Adds the noise of each source, with the variance of the real noise, to clean pictures and compares the two.

    Args:
        data_set: its name.
        pairs: functions that read each picture, by name.
        sources: the noise sources.
        seed: seed of the noise; the index of the picture is added to it.
        low_resolution: for the head of the report.
        on_step: called after each picture and source.

    Returns:
        The comparison. A picture that fails for one source is left out for all and recorded as a failure.
    """
    comparison = Comparison(
        data_set, seed, low_resolution, SourceNoise("real"), [SourceNoise(source.name) for source in sources]
    )
    for index, (name, read) in enumerate(pairs.items()):
        try:
            pair = read()
            real = measure_picture(pair.noisy, pair.clean)
            matches = []
            for source in sources:
                matches.append(match_variance(source, pair, seed + index))
                if on_step is not None:
                    on_step()
            generated = [measure_picture(match.noisy, pair.clean) for match in matches]
        except Exception as error:  # one bad picture must not cost the others
            comparison.failures.append(Failure(f"{data_set}/{name}", error))
            continue
        comparison.names.append(name)
        comparison.clean_crops.append(crop_centre(pair.clean, _CROP))
        comparison.floors.append(_compare_halves(pair))
        comparison.real.pictures.append(real)
        for result, match, picture in zip(comparison.sources, matches, generated, strict=True):
            result.pictures.append(picture)
            result.num_unmatched += not match.reached
    return comparison


def mean_of_numbers(values: Sequence[Any] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis without NaN values; NaN where all values are NaN."""
    array = np.asarray(values, np.float64)
    known = ~np.isnan(array)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, array, 0).sum(0) / known.sum(0), np.float64)


def _diverge(real: NDArray[np.int64], generated: NDArray[np.int64], by_intensity: bool) -> float:
    if by_intensity:
        return akld(real, generated)
    return akld(real.sum(0, keepdims=True), generated.sum(0, keepdims=True))


def _compare_halves(pair: NoisePair) -> tuple[float, float]:
    """AKLD between the real noise of even and odd pixels in a checkerboard pattern."""
    white = np.indices(pair.clean.shape[:2]).sum(0) % 2 == 0
    halves = [count_levels(pair.noisy[half], pair.clean[half], num_bins=NUM_BINS) for half in (white, ~white)]
    plain, by_intensity = (_diverge(halves[0], halves[1], flag) for flag in (False, True))
    return plain, by_intensity
