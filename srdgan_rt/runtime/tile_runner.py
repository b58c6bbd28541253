"""Runs a backend over a region tile by tile, with smaller tiles once memory runs out."""

from __future__ import annotations

import logging
from collections import deque
from functools import partial

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.memory import SMALLEST_TILE, is_out_of_memory
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box, Tile, plan_fixed_tiles, plan_tiles, split_box

logger = logging.getLogger("srdgan_rt")

RESAMPLING_MARGIN = 16
"""LR pixels that resampling may add to a piece before it is worth splitting."""


class TileRunner:
    """A :class:`~srdgan_rt.runtime.runner.Runner` that takes its pieces in any order.

    Args:
        backend: runs the tiles. Where its ``one_shape`` is set, all tiles have the same size, halo included.
        source: what the network reads.
        spec: of the network. Its ``halo`` is read around a tile's core, its ``border_padding`` around the picture; what
            is read is aligned to multiples of its ``unshuffle``.
        tile: largest side of a piece, LR pixels.

    Attributes:
        largest_core: largest side of a tile's core that is still tried, LR pixels.
    """

    def __init__(self, backend: Backend, source: Source, spec: ModelSpec, *, tile: int) -> None:
        self._backend = backend
        self._source = source
        self._spec = spec
        self._tile = tile
        self.largest_core = tile + RESAMPLING_MARGIN

    def split(self, region: Box) -> list[Box]:
        """See :meth:`srdgan_rt.runtime.runner.Runner.split`: pieces of nearly equal size."""
        return split_box(region, self._tile)

    def enlarge(self, box: Box) -> Tensor:  # (N, 3, scale * h, scale * w)
        """See :meth:`srdgan_rt.runtime.runner.Runner.enlarge`."""
        pending = deque(self._plan(box))
        if len(pending) == 1 and (whole := self._run(pending[0])) is not None:
            return whole
        scale = self._spec.scale
        result: Tensor | None = None
        while pending:
            tile = pending.popleft()
            fits = max(tile.core.width, tile.core.height) <= self.largest_core
            piece = self._run(tile) if fits else None
            if piece is None:
                pending.extendleft(reversed(self._plan(tile.core)))
                continue
            if result is None:
                result = piece.new_empty(*piece.shape[:2], scale * box.height, scale * box.width)
            x, y = scale * (tile.core.x - box.x), scale * (tile.core.y - box.y)
            result[..., y : y + piece.shape[-2], x : x + piece.shape[-1]] = piece
        assert result is not None  # a plan has at least one tile
        return result

    def _plan(self, box: Box) -> list[Tile]:
        height, width, spec = self._source.height, self._source.width, self._spec
        plan = partial(plan_tiles, tile=self.largest_core, multiple=spec.unshuffle)
        if self._backend.one_shape:
            plan = partial(plan_fixed_tiles, side=self.largest_core + 2 * spec.halo)
        return plan(height, width, halo=spec.halo, roi=box, border=spec.border_padding)

    def _run(self, tile: Tile) -> Tensor | None:
        """The core's result; None, and smaller tiles from now on, where memory ran out."""
        try:
            result = self._backend.run(self._source.read(tile.read))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0] if str(error) else "out of memory"
        else:
            scale = self._spec.scale
            x, y = scale * (tile.core.x - tile.read.x), scale * (tile.core.y - tile.read.y)
            return result[..., y : y + scale * tile.core.height, x : x + scale * tile.core.width]
        # Only here, after the handler, is the memory of the failed call free: the error's traceback held its tensors.
        side = max(tile.core.width, tile.core.height)
        if side <= SMALLEST_TILE:
            raise BackendUnavailableError(
                f"not enough memory on {self._backend.device}: even a tile of {side} pixels fails ({reason})"
            )
        self.largest_core = max(SMALLEST_TILE, side // 2)
        logger.warning("memory ran out on a tile of %d pixels; going on with tiles of %d", side, self.largest_core)
        if self._backend.device.type == "cuda":
            torch.cuda.empty_cache()
        return None
