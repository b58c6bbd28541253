"""Compares the noise of phone frames with that of the camera model, for calibration and checks.

Variance is taken per channel in 16 bins of the clean value, all frames of a phone and an ISO together. Frames whose
residual is correlated between neighbouring samples are left out: their two pictures are not aligned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import to_float32
from training.data.pictures import CLEAN_NAMES, Array, Bytes, read_phone_pairs

NUM_BINS = 16
FEWEST = 500  # real samples of a bin that counts
_LARGEST_CORRELATION = 0.1  # correlation of neighbouring samples; that of point-sampled noise is below 0.05
_PAIRS = np.triu_indices(3, 1)


@dataclass(frozen=True)
class NamedFrame:
    """A phone frame whose name says how it was taken."""

    name: str
    phone: str
    iso: int
    temperature: int  # kelvin
    clean: Array  # (H, W, 3) in [0, 1]
    noisy: Array  # (H, W, 3)


def load_named_frames(folder: Path) -> list[NamedFrame]:
    """Reads frames named ``INSTANCE_SCENE_PHONE_ISO_SHUTTER_TEMPERATURE_BRIGHTNESS``.

    Frames whose noise is correlated between neighbours, or that have none, are left out.

    Raises:
        InputError: as :func:`training.data.pictures.read_phone_pairs`, or a name has another form.
    """
    names = [path.name.split("_clean.")[0] for path in sorted(folder.glob(CLEAN_NAMES))]
    frames = []
    for name, (clean, noisy) in zip(names, read_phone_pairs(folder), strict=True):
        parts = re.fullmatch(r"\d+_\d+_([A-Z0-9]+)_(\d+)_\d+_(\d+)_\w", name)
        if parts is None:
            raise InputError(f"{folder / name}: the name must say phone, ISO and colour temperature")
        if _neighbour_correlation(clean, noisy) <= _LARGEST_CORRELATION:
            pictures = (to_float32(x) for x in (clean, noisy))
            frames.append(NamedFrame(name, parts[1], int(parts[2]), int(parts[3]), *pictures))
    return frames


def _neighbour_correlation(clean: Bytes, noisy: Bytes) -> float:
    noise = noisy.astype(np.float64) - clean
    noise -= noise.mean((0, 1))
    return float(np.mean((noise[:, 1:] * noise[:, :-1]).mean((0, 1)) / noise.var((0, 1))))


@dataclass
class Pool:
    """Noise of all pictures of one phone and ISO."""

    count: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, NUM_BINS)))
    total: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, NUM_BINS)))
    squares: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, NUM_BINS)))
    correlations: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def add(self, noisy: Array, clean: Array) -> None:
        """Adds a picture: ``(H, W, 3)`` each, in [0, 1]; noisy is rounded to 8 bits as a file is."""
        noise = (np.rint(noisy * 255) - clean * 255).reshape(-1, 3).astype(np.float64)
        bins = np.minimum((clean.reshape(-1, 3) * 255 / 256 * NUM_BINS).astype(int), NUM_BINS - 1)
        for channel in range(3):
            where, values = bins[:, channel], noise[:, channel]
            self.count[channel] += np.bincount(where, minlength=NUM_BINS)
            self.total[channel] += np.bincount(where, values, NUM_BINS)
            self.squares[channel] += np.bincount(where, values**2, NUM_BINS)
        self.correlations.append(np.corrcoef(noise.T)[_PAIRS])

    @property
    def variance(self) -> npt.NDArray[np.float64]:
        """``(3, NUM_BINS)`` in units of (1/255)^2."""
        count = np.maximum(self.count, 1)
        return np.asarray(self.squares / count - (self.total / count) ** 2)

    @property
    def correlation(self) -> npt.NDArray[np.float64]:
        """``(3,)`` of red-green, red-blue, green-blue: mean over pictures."""
        return np.asarray(np.mean(self.correlations, 0))


def bin_shares(real: Pool, model: Pool) -> npt.NDArray[np.float64]:
    """``(3, NUM_BINS)`` shares of the real samples in the bins that count; they sum to 1. InputError if none does."""
    used = np.where((real.count >= FEWEST) & (model.count >= 20), real.count, 0)
    if not used.any():
        raise InputError(f"frames of a phone and an ISO must have a bin with at least {FEWEST} samples")
    return np.asarray(used / used.sum())


def variance_error(real: Pool, model: Pool) -> float:
    """Relative error of the variance, mean over channels and bins, each weighted with its real samples."""
    share = bin_shares(real, model)
    used = share > 0
    return float(np.sum(share[used] * np.abs(model.variance[used] / real.variance[used] - 1)))


def sampling_error(real: Pool, model: Pool) -> float:
    """What :func:`variance_error` would be of two pools of one normal noise, as each bin has only so many samples."""
    share = bin_shares(real, model)
    used = share > 0
    spread = np.sqrt(2 / real.count[used] + 2 / model.count[used])  # of the ratio of two variances
    return float(np.sum(share[used] * spread * np.sqrt(2 / np.pi)))
