"""The noise level: one number for how noisy a camera's picture is, independent of its content.

A phone's noise depends on the brightness, so two pictures with the same ISO but other content have different standard
deviations. The level of a picture is the factor between its noise and the mean noise over the intensity (the shape) of
all pictures of the camera.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import to_float32

Bytes = npt.NDArray[np.uint8]

_NUM_BINS = 16  # over the intensity 0..1
_FEWEST_SAMPLES = 200  # with fewer the standard deviation of a bin is too uncertain
_NUM_ROUNDS = 10  # of the alternating fit; it settles in three or four


class NoiseShape:
    """The mean standard deviation of noise over the intensity, at level 1.

    Args:
        pairs: (noisy, clean), each of any shape in [0, 1]: the pictures whose mean shape is computed.

    Raises:
        InputError: the pairs have no noise, or there are none.
    """

    def __init__(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
        measured = [_measure(noisy[None], clean[None]) for noisy, clean in pairs]
        deviations, counts = (torch.cat(parts).numpy() for parts in zip(*measured, strict=True))
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
        self._variance = torch.from_numpy(np.exp(2 * shape) / np.exp(2 * shape).mean())

    def to(self, device: torch.device) -> NoiseShape:
        """Moves it to the device of the pictures to measure."""
        self._variance = self._variance.to(device)
        return self

    def levels(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """How noisy pictures are: the standard deviation that each would have were all intensities equally frequent.

        Args:
            noisy: ``(N, ...)`` in [0, 1].
            clean: the same scenes pixel by pixel.

        Returns:
            ``(N,)`` float32, 0 where there is no noise.
        """
        deviations, counts = _measure(noisy, clean)
        expected = (counts * self._variance).sum(1)
        return ((counts * deviations**2).sum(1) / expected).sqrt().float()


def measure_levels(frames: Sequence[tuple[Bytes, Bytes]]) -> tuple[NoiseShape, list[float]]:
    """The shape of a camera's noise, and the level of each of its frames.

    Args:
        frames: (clean, noisy), ``(H, W, 3)`` each.

    Raises:
        InputError: as :class:`NoiseShape`.
    """
    pairs = [(torch.from_numpy(to_float32(noisy)), torch.from_numpy(to_float32(clean))) for clean, noisy in frames]
    shape = NoiseShape(pairs)
    return shape, [float(shape.levels(noisy[None], clean[None])) for noisy, clean in pairs]


def _measure(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviation (about zero) and number of samples ``(N, 16)`` for each bin of the intensity."""
    bins = (clean.flatten(1) * _NUM_BINS).long().clamp(max=_NUM_BINS - 1)
    squares = (noisy - clean).flatten(1).double().square()
    empty = torch.zeros(len(bins), _NUM_BINS, dtype=torch.float64, device=bins.device)
    counts = empty.scatter_add(1, bins, torch.ones_like(squares))
    return (empty.scatter_add(1, bins, squares) / counts.clamp(min=1)).sqrt(), counts


def _mean(values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.float64]:
    """Mean of the known values along an axis; 0 where none is known."""
    total = np.where(known, values, 0).sum(axis)
    return np.asarray(total / np.maximum(known.sum(axis), 1), np.float64)
