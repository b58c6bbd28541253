"""Runs a backend over a region from top to bottom, in strips of rows that leave no seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime.backend import Backend, RowStream
from srdgan_rt.runtime.memory import free_memory, is_out_of_memory
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box, split_rows

_STRIP_ROWS = 128  # enough to make reading the weights, once per strip, cheap
_SMALLEST_STRIP_ROWS = 1  # the stream rounds it up to the least that it can do
_PIECE_ROWS = 64  # LR rows of the result that are converted and written at a time
_SHARE = 0.5  # of the free memory


class StripRunner:
    """A :class:`~srdgan_rt.runtime.runner.Runner` whose pieces must be taken from top to bottom.

    Args:
        stream: runs the rows of the window.
        source: what the network reads.
        window: the part of the source that the network reads.
        scale: enlargement of the network.
        piece_rows: largest height of a piece, LR rows.
    """

    def __init__(self, stream: RowStream, source: Source, window: Box, *, scale: int, piece_rows: int) -> None:
        self._window = window
        self._scale = scale
        self._piece_rows = piece_rows
        self._strips: Iterator[Tensor] = stream.run(
            lambda begin, end: source.read(Box(window.x, window.y + begin, window.width, end - begin))
        )
        self._rows: list[Tensor] = []  # finished strips that are still needed; (N, 3, rows, scale * W)
        self._first = 0  # row of the window's result with which self._rows begins

    def split(self, region: Box) -> list[Box]:
        """See :meth:`srdgan_rt.runtime.runner.Runner.split`: bands of the region's full width."""
        return split_rows(region, self._piece_rows)

    def enlarge(self, box: Box) -> Tensor:  # (N, 3, scale * h, scale * w)
        """See :meth:`srdgan_rt.runtime.runner.Runner.enlarge`; no box may begin above the one before."""
        begin = self._scale * (box.y - self._window.y)
        end = begin + self._scale * box.height
        left = self._scale * (box.x - self._window.x)
        while self._first + sum(rows.shape[2] for rows in self._rows) < end:
            self._rows.append(self._next_strip())
        while self._first + self._rows[0].shape[2] <= begin:
            self._first += self._rows.pop(0).shape[2]
        rows = self._rows[0] if len(self._rows) == 1 else torch.cat(self._rows, 2)
        return rows[..., begin - self._first : end - self._first, left : left + self._scale * box.width]

    def _next_strip(self) -> Tensor:
        try:
            return next(self._strips)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise BackendUnavailableError(
                f"not enough memory for a picture of {self._window.width} pixels in width: use a smaller tile"
            ) from error


def open_strip_runner(
    backend: Backend, source: Source, spec: ModelSpec, needed: Box, *, tile: int | None, largest_piece: int
) -> StripRunner | None:
    """Opens the strip runner for a region.

    Args:
        backend: runs the network.
        source: what the network reads.
        spec: of the network; its ``halo`` is read around the region, its ``border_padding`` around the picture; what
            is read is aligned to multiples of its ``unshuffle``.
        needed: LR pixels that will be enlarged.
        tile: LR rows of a strip, 0 for all at once; None chooses by memory.
        largest_piece: largest height of a piece, LR rows.

    Returns:
        The runner; None where the backend does not work in strips, or where not even the smallest fit into memory.
    """
    window = needed.grow(spec.halo).clip(source.bounds.grow(spec.border_padding)).align(spec.unshuffle)

    def open_stream(rows: int | None) -> RowStream | None:
        return backend.open_stream(window.height, window.width, strip_rows=rows, batch=source.batch)

    stream = _choose_stream(open_stream) if tile is None else open_stream(tile or None)
    if stream is None:
        return None
    return StripRunner(stream, source, window, scale=spec.scale, piece_rows=min(_PIECE_ROWS, largest_piece))


def _choose_stream(open_stream: Callable[[int | None], RowStream | None]) -> RowStream | None:
    """Strips of the usual height or the whole at once, whichever holds less memory; the smallest strips if neither
    fits; None if nothing does, or if the backend has no streams."""
    at_once, strips, smallest = open_stream(None), open_stream(_STRIP_ROWS), open_stream(_SMALLEST_STRIP_ROWS)
    if at_once is None or strips is None or smallest is None:
        return None
    best = min(at_once, strips, key=lambda stream: stream.memory_bytes)
    limit = _SHARE * free_memory(torch.device("cpu"))
    return next((stream for stream in (best, smallest) if stream.memory_bytes < limit), None)
