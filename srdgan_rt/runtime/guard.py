"""Guard against bad results in low precision: tiles with NaN and black tiles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from srdgan_rt.errors import CheckpointError
from srdgan_rt.runtime.backend import Backend, RowStream

logger = logging.getLogger("srdgan_rt")

_BLACK = 0.5 / 255  # largest value that is rounded to 0 in 8 bits
_NOT_BLACK = 2 / 255  # an input with a larger mean cannot have a black result


class GuardedBackend:
    """A backend whose invalid low-precision results are recomputed in fp32.

    Args:
        backend: runs the network.
        make_fallback: builds the same network in fp32; called once, at the first bad result.

    Attributes:
        fp32_fallbacks: number of results that were recomputed in fp32 so far.
    """

    def __init__(self, backend: Backend, make_fallback: Callable[[], Backend]) -> None:
        self.name = backend.name
        self.device = backend.device
        self.precision = backend.precision
        self.bytes_per_pixel = backend.bytes_per_pixel
        self.one_shape = backend.one_shape
        self.largest_side = backend.largest_side
        self.fp32_fallbacks = 0
        # The engine native computes nothing in fp16, whose numbers end at 65,504.
        self._needs_guard = backend.precision != "fp32" and backend.name != "native"
        self._backend = backend
        self._make_fallback = make_fallback
        self._fallback: Backend | None = None
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """See :attr:`srdgan_rt.runtime.backend.Backend.held_bytes`."""
        return self._backend.held_bytes

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`.

        Raises:
            CheckpointError: the result is not finite, in fp32 either where another precision was tried first.
        """
        result = self._backend.run(x)
        if self._needs_guard and (fault := _find_fault(x, result)):
            result = self._count_and_get_fallback(fault).run(x)
        return _check_finite(result)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> RowStream | None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`; None where results need a guard."""
        if self._needs_guard:
            return None
        stream = self._backend.open_stream(height, width, strip_rows=strip_rows, batch=batch)
        return None if stream is None else _GuardedStream(stream)

    def _count_and_get_fallback(self, fault: str) -> Backend:
        with self._lock:
            self.fp32_fallbacks += 1
            if self._fallback is None:
                logger.warning("a tile is %s in %s; such tiles are recomputed in fp32", fault, self.precision)
                self._fallback = self._make_fallback()
            return self._fallback


class _GuardedStream:
    """A stream that checks each strip."""

    def __init__(self, stream: RowStream) -> None:
        self._stream = stream

    @property
    def memory_bytes(self) -> int:
        return self._stream.memory_bytes

    def run(self, read: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
        return map(_check_finite, self._stream.run(read))


def _check_finite(result: Tensor) -> Tensor:
    if not result.isfinite().all():
        raise CheckpointError("the network gives NaN or infinite values: its weights cannot be used")
    return result


def _find_fault(x: Tensor, result: Tensor) -> str:
    """The fault of a result: ``non-finite``, ``black``, or an empty string for none."""
    if not result.isfinite().all():
        return "non-finite"
    dark = result.amax((1, 2, 3)) < _BLACK  # (N,)
    bright = x.mean((1, 2, 3)).to(dark.device) > _NOT_BLACK
    return "black" if torch.any(dark & bright) else ""
