"""The self-ensemble of a network: the mean of its results for the eight flips and turns of a picture.

Lim et al., "Enhanced deep residual networks for single image super-resolution" (2017), section 3.4: a network has
learned that pictures may lie in any direction, but makes other errors in each. Their mean is smaller. Other programs
call it test-time augmentation (TTA).
"""

from __future__ import annotations

import torch
from torch import Tensor

from srdgan_rt.runtime.backend import Backend, RowStream

_NUM_ORIENTATIONS = 8
_FLOAT_BYTES = 4
_MORE_RESULTS = 3  # of the size of the result: the sum, a turned copy, and what is added


class SelfEnsemble:
    """A :class:`~srdgan_rt.runtime.backend.Backend` that runs another one eight times.

    Args:
        backend: runs the network.
        scale: its enlargement.
    """

    def __init__(self, backend: Backend, scale: int) -> None:
        self._backend = backend
        self._scale = scale

    @property
    def name(self) -> str:
        """As of the other backend."""
        return self._backend.name

    @property
    def device(self) -> torch.device:
        """As of the other backend."""
        return self._backend.device

    @property
    def precision(self) -> str:
        """As of the other backend."""
        return self._backend.precision

    @property
    def bytes_per_pixel(self) -> int:
        """That of the other backend, and a few results more."""
        return self._backend.bytes_per_pixel + _MORE_RESULTS * 3 * _FLOAT_BYTES * self._scale**2

    @property
    def one_shape(self) -> bool:
        """As of the other backend."""
        return self._backend.one_shape

    @property
    def largest_side(self) -> int | None:
        """As of the other backend."""
        return self._backend.largest_side

    def run(self, x: Tensor) -> Tensor:
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        total: Tensor | None = None
        for index in range(_NUM_ORIENTATIONS):
            result = _turn_back(self._backend.run(_turn(x, index).contiguous()), index)
            total = result.contiguous() if total is None else total.add_(result)
        assert total is not None
        return total.div_(_NUM_ORIENTATIONS)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> RowStream | None:
        """None: a picture that is flipped from top to bottom has its last rows first."""
        return None


def _turn(x: Tensor, index: int) -> Tensor:
    """One of the eight orientations of ``(N, C, H, W)``: bits 0 and 1 flip an axis, bit 2 exchanges the axes."""
    flipped = x.flip([axis for bit, axis in ((1, 2), (2, 3)) if index & bit])
    return flipped.mT if index & 4 else flipped


def _turn_back(x: Tensor, index: int) -> Tensor:
    """Takes :func:`_turn` back."""
    straight = x.mT if index & 4 else x
    return straight.flip([axis for bit, axis in ((1, 2), (2, 3)) if index & bit])
