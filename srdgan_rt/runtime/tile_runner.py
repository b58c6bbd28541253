"""Runs a backend over a box of pixels, tile by tile, with smaller tiles when memory runs out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.memory import SMALLEST_TILE, is_out_of_memory
from srdgan_rt.tiling import Box, Tile, plan_fixed_tiles, plan_tiles

logger = logging.getLogger("srdgan_rt")


class TileRunner:
    """State of one enlargement: the tile size that still fits. Not shared between calls, hence between threads.

    Args:
        backend: runs the tiles.
        read: gives the pixels of a box as ``(N, 3, h, w)`` float32; the box may reach beyond the picture, by ``border``
            pixels and what alignment adds.
        height: rows of the picture.
        width: columns of the picture.
        scale: enlargement of the backend's network.
        tile: largest side of a tile's core, LR pixels.
        halo: LR pixels read around a core.
        border: LR pixels by which the picture is continued beyond its border.
        one_shape: whether all tiles have the same size, halo included.
        multiple: what is read is aligned to multiples of so many LR pixels.
    """

    def __init__(
        self,
        backend: Backend,
        read: Callable[[Box], Tensor],
        height: int,
        width: int,
        *,
        scale: int,
        tile: int,
        halo: int,
        border: int,
        one_shape: bool = False,
        multiple: int = 1,
    ) -> None:
        self.tile = tile
        self._one_shape = one_shape
        self._backend = backend
        self._read = read
        self._height = height
        self._width = width
        self._scale = scale
        self._halo = halo
        self._border = border
        self._multiple = multiple

    def enlarge(self, box: Box) -> Tensor:
        """Enlarges a box inside the picture.

        Args:
            box: ``h`` x ``w`` LR pixels.

        Returns:
            ``(N, 3, scale * h, scale * w)`` float32 on the backend's device, not clamped.

        Raises:
            BackendUnavailableError: not even a tile of the smallest size fits into memory.
        """
        pending = deque(self._plan(box))
        if len(pending) == 1 and (whole := self._run(pending[0])) is not None:
            return whole
        result: Tensor | None = None
        while pending:
            tile = pending.popleft()
            fits = max(tile.core.width, tile.core.height) <= self.tile
            piece = self._run(tile) if fits else None
            if piece is None:
                pending.extendleft(reversed(self._plan(tile.core)))
                continue
            if result is None:
                result = piece.new_empty(*piece.shape[:2], self._scale * box.height, self._scale * box.width)
            x, y = self._scale * (tile.core.x - box.x), self._scale * (tile.core.y - box.y)
            result[..., y : y + piece.shape[-2], x : x + piece.shape[-1]] = piece
        assert result is not None  # a plan has at least one tile
        return result

    def _plan(self, box: Box) -> list[Tile]:
        if self._one_shape:
            side = self.tile + 2 * self._halo
            return plan_fixed_tiles(self._height, self._width, side, self._halo, roi=box, border=self._border)
        return plan_tiles(
            self._height, self._width, self.tile, self._halo, roi=box, border=self._border, multiple=self._multiple
        )

    def _run(self, tile: Tile) -> Tensor | None:
        """The core's result; None, and smaller tiles from now on, where memory ran out."""
        try:
            result = self._backend.run(self._read(tile.read))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0] if str(error) else "out of memory"
        else:
            x, y = self._scale * (tile.core.x - tile.read.x), self._scale * (tile.core.y - tile.read.y)
            width, height = self._scale * tile.core.width, self._scale * tile.core.height
            return result[..., y : y + height, x : x + width]
        # Only here, behind the handler, are the failed call's tensors gone: its traceback held them.
        side = max(tile.core.width, tile.core.height)
        if side <= SMALLEST_TILE:
            raise BackendUnavailableError(
                f"not enough memory on {self._backend.device}: even a tile of {side} pixels fails ({reason})"
            )
        self.tile = max(SMALLEST_TILE, side // 2)
        logger.warning("memory ran out on a tile of %d pixels; going on with tiles of %d", side, self.tile)
        if self._backend.device.type == "cuda":
            torch.cuda.empty_cache()
        return None
