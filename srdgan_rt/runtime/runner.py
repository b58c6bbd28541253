"""The two ways to run a network over a picture: in strips, or in tiles."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.memory import choose_tile, limit_tile
from srdgan_rt.runtime.source import Source
from srdgan_rt.runtime.strip_runner import open_strip_runner
from srdgan_rt.runtime.tile_runner import RESAMPLING_MARGIN, TileRunner
from srdgan_rt.tiling import Box

_LARGEST_PIECE = 4096  # side of the largest float block that one piece may become when outscale is large


class Runner(Protocol):
    """Runs a network over a region of a source. One object serves one enlargement, in one thread."""

    def split(self, region: Box) -> list[Box]:
        """Splits a region into pieces, in the order in which :meth:`enlarge` takes them.

        Args:
            region: LR pixels whose results are wanted.

        Returns:
            Boxes that cover each pixel of the region exactly once.
        """

    def enlarge(self, box: Box) -> Tensor:
        """Enlarges one piece, or one with a few pixels more on each side, as resampling needs them.

        Args:
            box: ``h`` x ``w`` LR pixels inside the picture.

        Returns:
            ``(N, 3, scale * h, scale * w)`` RGB, float32, not clamped, on the backend's device.

        Raises:
            BackendUnavailableError: memory ran out, and nothing smaller can be tried.
        """


def open_runner(
    backend: Backend, source: Source, spec: ModelSpec, needed: Box, *, tile: int | None, outscale: float
) -> Runner:
    """Opens the runner for a region: strips where the backend can and memory allows, else tiles.

    Args:
        backend: runs the network.
        source: what the network reads.
        spec: of the network; its ``halo`` and ``border_padding`` are what is read around a piece and the picture.
        needed: LR pixels that will be enlarged.
        tile: largest side of a tile, and rows of a strip, in LR pixels; None chooses by memory, 0 sets no limit.
        outscale: enlargement of the result; it limits the size of a piece.

    Returns:
        The runner.
    """
    largest_piece = max(1, int(_LARGEST_PIECE / outscale))
    strips = open_strip_runner(backend, source, spec, needed, tile=tile, largest_piece=largest_piece)
    if strips is not None:
        return strips
    if tile is None:
        fitting = choose_tile(
            backend.bytes_per_pixel,
            backend.device,
            halo=spec.halo,
            unshuffle=spec.unshuffle,
            batch=source.batch,
            held_bytes=backend.held_bytes,
        )
        tile = min(fitting, largest_piece)
    tile = tile or max(source.height, source.width)
    tile = limit_tile(tile, backend.largest_side, halo=spec.halo, margin=RESAMPLING_MARGIN)
    return TileRunner(backend, source, spec, tile=tile)
