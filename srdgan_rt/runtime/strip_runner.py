"""Runs a backend over a region from top to bottom, in strips that leave no seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.runtime.backend import Backend, RowStream
from srdgan_rt.runtime.memory import free_memory, is_out_of_memory
from srdgan_rt.tiling import Box, plan_tiles

_STRIP_ROWS = 128  # as much as makes the weights, which are read once per strip, cheap
_SMALLEST_STRIP_ROWS = 1  # the stream rounds it up to what it can do
_SHARE = 0.5  # of the free memory


class StripRunner:
    """State of one enlargement: how far the network has come.

    Args:
        stream: runs the rows of the window.
        read: gives the pixels of a box as ``(N, 3, h, w)`` float32.
        window: pixels that the network sees.
        scale: enlargement of the network.
    """

    def __init__(self, stream: RowStream, read: Callable[[Box], Tensor], window: Box, scale: int) -> None:
        self._window = window
        self._scale = scale
        self._strips: Iterator[Tensor] = stream.run(
            lambda begin, end: read(Box(window.x, window.y + begin, window.width, end - begin))
        )
        self._rows: list[Tensor] = []  # finished, not yet asked for or still needed; (N, 3, rows, scale * W)
        self._first = 0  # row of the window's result that self._rows begins with

    def enlarge(self, box: Box) -> Tensor:
        """Enlarges a box of the window, at or below the one before.

        Args:
            box: ``h`` x ``w`` LR pixels.

        Returns:
            ``(N, 3, scale * h, scale * w)`` float32, not clamped.

        Raises:
            BackendUnavailableError: memory ran out.
        """
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
    backend: Backend,
    read: Callable[[Box], Tensor],
    height: int,
    width: int,
    region: Box,
    *,
    scale: int,
    halo: int,
    border: int,
    tile: int | None,
    batch: int,
) -> StripRunner | None:
    """Makes the runner for a region of a picture.

    Args:
        backend: runs the network.
        read: gives the pixels of a box; it may reach ``border`` pixels beyond the picture.
        height: rows of the picture.
        width: columns of the picture.
        region: pixels whose results are wanted.
        scale: enlargement of the network.
        halo: LR pixels read around a region that is less than the picture.
        border: LR pixels by which the picture is continued beyond its border.
        tile: rows per strip, 0 for all; None chooses by memory.
        batch: pictures that go through side by side.

    Returns:
        The runner; None where the backend has no strips, or where not even they fit into memory.
    """
    (whole,) = plan_tiles(height, width, max(height, width), halo, roi=region, border=border)
    window = whole.read

    def open_stream(rows: int | None) -> RowStream | None:
        return backend.open_stream(window.height, window.width, strip_rows=rows, batch=batch)

    if tile is not None:
        stream = open_stream(tile or None)
        return None if stream is None else StripRunner(stream, read, window, scale)
    streams = [
        stream for rows in (None, _STRIP_ROWS, _SMALLEST_STRIP_ROWS) if (stream := open_stream(rows)) is not None
    ]
    if not streams:
        return None
    # Strips also show how far the work has come; the whole at once is for where they would hold as much.
    at_once, strips, smallest = streams
    best = strips if strips.memory_bytes < at_once.memory_bytes else at_once
    limit = _SHARE * free_memory(torch.device("cpu"))
    fitting = [stream for stream in (best, smallest) if stream.memory_bytes < limit]
    return StripRunner(fitting[0], read, window, scale) if fitting else None
