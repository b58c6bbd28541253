"""The self-ensemble of a network: the mean of its results for the eight flips and turns of a picture.

Lim et al., "Enhanced deep residual networks for single image super-resolution" (2017), section 3.4: a network has
learned that pictures may lie in any direction, but makes other errors in each. Their mean is smaller. Other programs
call it test-time augmentation (TTA).
"""

from __future__ import annotations

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
        self.name = backend.name
        self.device = backend.device
        self.precision = backend.precision
        self.bytes_per_pixel = backend.bytes_per_pixel + _MORE_RESULTS * 3 * _FLOAT_BYTES * scale**2
        self.one_shape = backend.one_shape
        self.largest_side = backend.largest_side
        self._backend = backend

    @property
    def held_bytes(self) -> int:
        """See :attr:`srdgan_rt.runtime.backend.Backend.held_bytes`."""
        return self._backend.held_bytes

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        runs = (_turn_back(self._backend.run(_turn(x, i).contiguous()), i) for i in range(_NUM_ORIENTATIONS))
        total = next(runs)  # not the backend's own memory: flipping copies
        for result in runs:
            total += result
        return total.div_(_NUM_ORIENTATIONS)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> RowStream | None:
        """None: a picture that is flipped from top to bottom has its last rows first."""
        return None


def _turn(x: Tensor, index: int) -> Tensor:
    """One of the eight orientations of ``(N, C, H, W)``: bits 0 and 1 flip an axis, bit 2 exchanges the axes."""
    flipped = _flip(x, index)
    return flipped.mT if index & 4 else flipped


def _turn_back(x: Tensor, index: int) -> Tensor:
    """Takes :func:`_turn` back."""
    return _flip(x.mT if index & 4 else x, index)


def _flip(x: Tensor, index: int) -> Tensor:
    return x.flip([axis for bit, axis in ((1, 2), (2, 3)) if index & bit])
