"""Sources of synthetic noise, and the search for the level at which their variance matches real noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.camera import Camera, simulate_capture
from srdgan_rt.errors import InputError
from srdgan_rt.image import enlarge_samples, take_samples
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.pixels import round_to_8_bits, to_float32

Picture = NDArray[np.float32]

_FIRST_LEVEL = 0.05
_MAX_LEVEL = 4.0
_NUM_TRIALS = 24
# Read noise divided by squared shot noise: ratio of the medians over the phones of the SIDD data set. It does not
# depend on the gain, which scales the variance of shot noise linearly and that of read noise quadratically.
_READ_OVER_SHOT_SQUARED = 6.2


@dataclass(frozen=True)
class NoisePair:
    """A real noisy picture and its clean counterpart, at both sizes; RGB in [0, 1], all but ``high`` in 8 bits."""

    high: Picture
    """``(4H, 4W, 3)`` clean; its samples ``[2::4]`` are ``clean``."""
    clean: Picture
    """``(H, W, 3)``"""
    noisy: Picture
    """``(H, W, 3)``"""


def make_noise_pair(clean: NDArray[np.uint8], noisy: NDArray[np.uint8], *, low_resolution: bool = False) -> NoisePair:
    """Makes the pair whose noise is measured.

    Args:
        clean: ``(H, W, 3)`` RGB.
        noisy: same shape, the same scene pixel by pixel.
        low_resolution: the pair is low-resolution already; the large clean picture is interpolated from it. Otherwise
            both are cropped to multiples of 4 and sampled at ``[2::4]``, as in the evaluation.

    Returns:
        The pair.

    Raises:
        InputError: the pictures are not RGB, differ in shape or are too small.
    """
    if clean.ndim != 3 or clean.shape[2] != 3:
        raise InputError(f"noise is compared on RGB pictures, got shape {clean.shape}")
    if clean.shape != noisy.shape:
        raise InputError(f"clean and noisy must be of one shape, got {clean.shape} and {noisy.shape}")
    smallest = 2 if low_resolution else 2 * SCALE
    if min(clean.shape[:2]) < smallest:
        raise InputError(f"pictures must have at least {smallest} pixels a side, got shape {clean.shape}")
    whole, taken = (to_float32(picture) for picture in (clean, noisy))
    if low_resolution:
        return NoisePair(enlarge_samples(whole, SCALE), whole, taken)
    height, width = (side // SCALE * SCALE for side in whole.shape[:2])
    high = whole[:height, :width]
    return NoisePair(high, take_samples(high, SCALE), take_samples(taken[:height, :width], SCALE))


class NoiseSource(Protocol):
    """Adds noise to clean pictures."""

    @property
    def name(self) -> str:
        """Name in tables and plots."""

    def generate(self, pair: NoisePair, level: float, seed: int) -> NDArray[Any]:
        """Adds noise to ``pair.clean``, or degrades ``pair.high``; must not use ``pair.noisy``.

        Args:
            pair: the clean picture at both sizes.
            level: strength of the noise, at least 0, roughly its standard deviation for pictures in [0, 1].
            seed: decides the noise.

        Returns:
            ``(H, W, 3)``, nominally in [0, 1].
        """


@dataclass(frozen=True)
class GaussianNoise:
    """White Gaussian noise; the level is its standard deviation."""

    name: str = "Gaussian"

    def generate(self, pair: NoisePair, level: float, seed: int) -> NDArray[Any]:
        """See :meth:`NoiseSource.generate`."""
        return pair.clean + level * np.random.default_rng(seed).standard_normal(pair.clean.shape, np.float32)


@dataclass(frozen=True)
class CameraNoise:
    """The camera model; the level is the standard deviation of shot noise at white."""

    name: str = "camera model"

    def generate(self, pair: NoisePair, level: float, seed: int) -> NDArray[Any]:
        """See :meth:`NoiseSource.generate`."""
        camera = Camera(shot=level**2, read=_READ_OVER_SHOT_SQUARED * level**4)
        return simulate_capture(pair.clean, camera, np.random.default_rng(seed), mosaic=False)


@dataclass(frozen=True)
class Matched:
    """A generated noisy picture whose noise has the variance of the real noise."""

    noisy: Picture
    """``(H, W, 3)`` in [0, 1], multiples of 1/255."""
    level: float
    reached: bool
    """False if no level gave the real variance; ``noisy`` is then the nearest that was found."""


def match_variance(source: NoiseSource, pair: NoisePair, seed: int, tolerance: float = 0.02) -> Matched:
    """Finds the level at which a source's noise has the variance of the real noise.

    A bracketed search. The variance is about proportional to the square of the level, which gives the next level to
    try; if that lies outside the bracket, its middle is tried.

    Args:
        source: generates the noise, with the same seed at all levels.
        pair: with the real noise.
        seed: of the source.
        tolerance: accepted relative error of the variance.

    Returns:
        The noisy picture, rounded to 8 bits as a file would be, and the level.
    """
    target = _measure_variance(pair.noisy, pair.clean)
    low, high = 0.0, _MAX_LEVEL
    level, best, best_error = _FIRST_LEVEL, None, np.inf
    for _ in range(_NUM_TRIALS):
        noisy = np.asarray(round_to_8_bits(np.clip(source.generate(pair, level, seed), 0, 1)), np.float32)
        variance = _measure_variance(noisy, pair.clean)
        error = abs(variance - target)
        if best is None or error < best_error:
            best, best_error = Matched(noisy, level, error <= tolerance * target), error
        if best.reached:
            break
        low, high = (level, high) if variance < target else (low, level)
        proposal = level * np.sqrt(target / variance) if variance > 0 else np.inf
        level = float(proposal) if low < proposal < high else (low + high) / 2
    assert best is not None
    return best


def _measure_variance(noisy: Picture, clean: Picture) -> float:
    """Variance of the noise about the mean of each channel, mean over the channels."""
    return float((noisy.astype(np.float64) - clean).var((0, 1)).mean())
