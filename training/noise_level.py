"""One number for how noisy a camera's picture is, whatever its content.

A phone's noise depends on the brightness, and pictures differ in brightness, so the plain standard deviation of two
pictures taken at one ISO differs. Here a picture's noise is compared with the mean shape of all pictures of the camera:
its level is the factor between the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from srdgan_rt.errors import InputError

Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_NUM_BINS = 16  # over the intensity 0..1
_FEWEST_SAMPLES = 200  # a bin with fewer tells nothing about a standard deviation
_NUM_ROUNDS = 10  # of the alternating fit; it settles in three or four


class NoiseShape:
    """The mean standard deviation of noise over the intensity, at level 1.

    Args:
        pairs: (noisy, clean), each ``(H, W, 3)`` in [0, 1]: the pictures whose mean shape it shall be.

    Raises:
        InputError: the pairs have no noise, or there are none.
    """

    def __init__(self, pairs: Sequence[tuple[Array, Array]]) -> None:
        deviations, counts = (np.array(x) for x in zip(*(_measure(*pair) for pair in pairs), strict=True))
        known = (counts >= _FEWEST_SAMPLES) & (deviations > 0)
        if not known.any():
            raise InputError("no noise in the pairs: their noise level cannot be told")
        logs = np.log(np.where(known, deviations, 1))
        levels = np.zeros(len(pairs))
        for _ in range(_NUM_ROUNDS):  # log deviation = level of the picture + shape of the camera: means in turn
            shape = _mean(logs - levels[:, None], known, axis=0)
            levels = _mean(logs - shape, known, axis=1)
        seen = known.any(0)
        shape = np.interp(np.arange(_NUM_BINS), np.flatnonzero(seen), shape[seen])
        self._variance = np.exp(2 * shape) / np.exp(2 * shape).mean()

    def level(self, noisy: Array, clean: Array) -> float:
        """How noisy a picture is: the standard deviation that it would have were all intensities equally frequent.

        Args:
            noisy: ``(H, W, 3)`` in [0, 1].
            clean: the same scene pixel by pixel.

        Returns:
            The level, 0 where there is no noise.
        """
        deviations, counts = _measure(noisy, clean)
        expected = float((counts * self._variance).sum())
        return float(np.sqrt((counts * deviations**2).sum() / expected))


def measure_levels(frames: Sequence[tuple[Bytes, Bytes]]) -> tuple[NoiseShape, list[float]]:
    """The shape of a camera's noise, and the level of each of its frames.

    Args:
        frames: (clean, noisy), ``(H, W, 3)`` each.

    Raises:
        InputError: as :class:`NoiseShape`.
    """
    pairs = [(noisy / np.float32(255), clean / np.float32(255)) for clean, noisy in frames]
    shape = NoiseShape(pairs)
    return shape, [shape.level(*pair) for pair in pairs]


def _measure(noisy: Array, clean: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Standard deviation (about zero) and number of samples for each bin of the intensity."""
    bins = np.minimum((clean * _NUM_BINS).astype(np.int64), _NUM_BINS - 1).ravel()
    counts = np.bincount(bins, minlength=_NUM_BINS)
    squares = np.bincount(bins, np.square(noisy - clean, dtype=np.float64).ravel(), _NUM_BINS)
    return np.sqrt(squares / np.maximum(counts, 1)), counts


def _mean(values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.float64]:
    """Mean of the known values along an axis; 0 where none is known."""
    total = np.where(known, values, 0).sum(axis)
    return np.asarray(total / np.maximum(known.sum(axis), 1), np.float64)
