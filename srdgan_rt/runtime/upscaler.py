"""The front door: a picture in, an enlarged one out, whatever its size, depth and channels."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srdgan_rt._fork import note_threads
from srdgan_rt.checkpoint import DEFAULT_MODEL, Model, load_model
from srdgan_rt.checkpoint.locate import pin_model
from srdgan_rt.errors import InputError
from srdgan_rt.image.alpha import bleed_colour
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.engines import choose_engine, create_backend
from srdgan_rt.runtime.grid import OutputGrid, check_outscale, check_roi
from srdgan_rt.runtime.memory import choose_tile, free_memory, limit_tile
from srdgan_rt.runtime.pixels import (
    Pixels,
    check_picture,
    is_opaque,
    read_window,
    reflect_indices,
    split_alpha,
    to_unit,
    write_window,
)
from srdgan_rt.runtime.realesrgan import enhance
from srdgan_rt.runtime.strip_runner import StripRunner, open_strip_runner
from srdgan_rt.runtime.tile_runner import TileRunner
from srdgan_rt.tiling import Box, split_box, split_rows

_RESAMPLING_MARGIN = 16  # LR pixels that resampling may add to a tile before it is worth splitting
_BAND_ROWS = 64  # LR rows that are converted at a time when the network runs in strips
_LARGEST_BLOCK = 4096  # side of the largest float block that one tile may become when outscale is large


class Upscaler:
    """Enlarges and denoises pictures with one network.

    One object may be used from several threads at once: a call changes nothing in it but the guard's counter, which is
    locked. Results are deterministic on the same machine, engine and tile size.

    It can be pickled and copied: by the arguments that it was made with, so that weights are read again from their file
    (a network that was given as an object travels itself). A process that is forked after its use computes on one
    thread, one that is spawned on all.

    Args:
        model: name of a shipped model, path of a weight file, a network, or one with its description (copied).
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        engine: ``auto``, ``native`` (this package's kernels), ``torch`` (the reference), ``onnxruntime`` or
            ``tensorrt`` (CUDA; never taken by ``auto``).
        precision: ``auto`` (fp16 on CUDA, fp32 on the CPU), ``fp32``, ``fp16``, ``bf16``, or ``int8`` (engine
            ``native`` on processors with VNNI). In fp16 and bf16 a tile that comes out black or not finite is
            computed again in fp32.
        tile: largest side of a tile in LR pixels; None chooses by free memory, 0 never tiles. The engine ``native``
            works in strips of about so many rows, which leave no seams: the result is the same for every value.
        halo: LR pixels read around a tile, or around a region; None takes the model's own, measured value.
        border_padding: LR pixels by which the picture is continued, mirrored, before the network sees it, and which
            are cropped off afterwards; None takes the model's own value, which is 0 for weights of other programs.

    Raises:
        CheckpointError: the model cannot be loaded.
        BackendUnavailableError: the engine, device or precision cannot be used here; the message says why.
        InputError: an argument is out of range.

    Attributes:
        spec: sizes of the network.
        metadata: what the weight file says of itself.
        scale: enlargement of the network.
        device: where it runs.
        engine: name of the engine that was chosen.
        precision: precision that was chosen.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | L2HNet | Model = DEFAULT_MODEL,
        *,
        device: str | torch.device = "auto",
        engine: str = "auto",
        precision: str = "auto",
        tile: int | None = None,
        halo: int | None = None,
        border_padding: int | None = None,
    ) -> None:
        for argument, value in (("tile", tile), ("halo", halo), ("border_padding", border_padding)):
            if value is not None and value < 0:
                raise InputError(f"{argument} must be at least 0, got {value}")
        choice = choose_engine(engine, device, precision)  # before large weights are read in vain
        note_threads()
        # What another process makes the same object of.
        self._source = copy.deepcopy(model) if isinstance(model, L2HNet | Model) else pin_model(model)
        self._options: dict[str, Any] = {
            "device": device,
            "engine": engine,
            "precision": precision,
            "tile": tile,
            "halo": halo,
            "border_padding": border_padding,
        }
        if isinstance(model, L2HNet):
            model = Model.from_net(model)
        elif not isinstance(model, Model):
            model = load_model(model, with_ranges=choice.precision == "int8")
        self.spec = model.spec
        self.metadata = model.metadata
        self._backend = create_backend(model, choice)
        self._tile = tile
        self._halo = self.spec.halo if halo is None else halo
        self._border_padding = self.spec.border_padding if border_padding is None else border_padding
        self.scale = self.spec.scale
        self.device = self._backend.device
        self.engine = self._backend.name
        self.precision = self._backend.precision

    def __reduce__(self) -> tuple[partial[Upscaler], tuple[object]]:
        return partial(type(self), **self._options), (self._source,)

    @property
    def fp32_fallbacks(self) -> int:
        """Number of tiles recomputed in fp32 since this object was created."""
        return self._backend.fp32_fallbacks

    def upscale(
        self,
        image: Pixels,
        *,
        outscale: float | None = None,
        roi: tuple[int, int, int, int] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pixels:
        """Enlarges a picture.

        Args:
            image: ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB, ``(H, W, 4)`` RGBA
                with straight alpha; uint8, uint16, or float32 in [0, 1].
            outscale: enlargement of the result, any positive number; None is the network's own. Other factors are
                resampled, antialiased bicubic, from the network's float result.
            roi: ``(x, y, width, height)`` in pixels of ``image``: compute only this region. The result is the same crop
                of the whole result: samples from ``round(x * outscale), round(y * outscale)`` on.
            progress: called as ``progress(done, total)`` in pixels of ``image`` whenever more is done; the first time
                after the first strip or tile.

        Returns:
            Same layout and dtype, ``round(H * outscale)`` x ``round(W * outscale)``, at least 1 x 1. Rounded to
            nearest and clipped. Grey stays grey; an opaque alpha channel stays opaque.

        Raises:
            InputError: an argument is of the wrong type, shape or range, or the result does not fit into memory.
            BackendUnavailableError: not even the smallest tile fits into memory.
        """
        picture = check_picture(image)
        height, width = picture.shape[:2]
        factor = check_outscale(outscale, self.scale)
        region = check_roi(roi, height, width)
        grid = OutputGrid.plan(height, width, region, self.scale, factor)
        out = _allocate(grid, picture)
        colour, alpha = split_alpha(picture)
        num_colours = colour.shape[2]
        alpha_plane = None
        if alpha is not None:
            if is_opaque(alpha):
                out[..., -1] = alpha[0, 0]
            else:
                colour = bleed_colour(colour, alpha)
                alpha_plane = to_unit(alpha)

        needed = grid.needed_box(Box(0, 0, grid.columns.out_size, grid.rows.out_size))
        reported = 0

        def report(done: int) -> None:
            nonlocal reported
            if progress is not None and done > reported:
                reported = done
                progress(done, region.area)

        def read(box: Box) -> Tensor:
            # Rows are finished some strips after they are read: reading tells sooner how far the network has come.
            # Never all: rows below the region, in the halo, are read before its last rows are finished.
            report(min(box.y - region.y, region.height - 1) * region.width)
            return read_window(colour, box)

        runner, cores = self._plan(read, height, width, region, needed, factor)
        channels_last = out.reshape(*out.shape[:2], -1)
        done = 0
        for core in cores:
            box = grid.output_box(core)
            if box.area > 0:
                window = channels_last[box.y : box.bottom, box.x : box.right]
                needed = grid.needed_box(box)
                planes = runner.enlarge(needed)[0]  # (3, h, w)
                if num_colours == 1:
                    planes = planes.mean(0, keepdim=True)
                # Clipped first, so that any outscale is a resampling of the picture that the network's own scale gives.
                planes = grid.resample(planes.clamp(0, 1), needed, box)
                write_window(planes, window[..., :num_colours])
                if alpha_plane is not None:
                    write_window(grid.resample_picture(alpha_plane, box)[None], window[..., num_colours:])
            done += core.area
            report(done)
        return out

    def __call__(self, x: Tensor) -> Tensor:
        """Enlarges a batch of tensors; tiled only where memory demands it. Not differentiable.

        Args:
            x: ``(N, 3, H, W)`` RGB, any floating-point type, in [0, 1], on any device.

        Returns:
            ``(N, 3, scale * H, scale * W)`` RGB, clamped to [0, 1], type and device of ``x``.

        Raises:
            InputError: ``x`` is of the wrong type or shape, or not finite.
            BackendUnavailableError: not even the smallest tile fits into memory.
        """
        if not isinstance(x, Tensor) or not x.is_floating_point():
            raise InputError(f"x must be a floating-point tensor, got {getattr(x, 'dtype', type(x).__name__)}")
        if x.ndim != 4 or x.shape[1] != 3 or 0 in x.shape:
            raise InputError(f"x must be (N, 3, H, W) and not empty, got shape {tuple(x.shape)}")
        if not x.isfinite().all():
            raise InputError("x must be finite, got NaN or infinite values")
        batch, _, height, width = x.shape

        def read(box: Box) -> Tensor:
            rows = torch.from_numpy(reflect_indices(box.y, box.bottom, height)).to(x.device)
            columns = torch.from_numpy(reflect_indices(box.x, box.right, width)).to(x.device)
            return x.detach().index_select(2, rows).index_select(3, columns).to(torch.float32)

        picture = Box(0, 0, width, height)
        runner, cores = self._plan(read, height, width, picture, picture, self.scale, batch)
        result = x.new_empty(batch, 3, self.scale * height, self.scale * width)
        for core in cores:
            out = Box(*(self.scale * value for value in core))
            result[..., out.y : out.bottom, out.x : out.right] = runner.enlarge(core).clamp(0, 1)
        return result

    def enhance(self, bgr: Pixels, outscale: float | None = None) -> tuple[Pixels, str]:
        """Drop-in for ``RealESRGANer.enhance``; see :func:`srdgan_rt.runtime.realesrgan.enhance`."""
        return enhance(self, bgr, outscale)

    def _plan(
        self,
        read: Callable[[Box], Tensor],
        height: int,
        width: int,
        region: Box,
        needed: Box,
        outscale: float,
        batch: int = 1,
    ) -> tuple[StripRunner | TileRunner, list[Box]]:
        """What runs the network for ``needed`` pixels, and the pieces of ``region`` in the order to ask for them."""
        border = self._border_padding
        largest_block = max(1, int(_LARGEST_BLOCK / outscale))
        strips = open_strip_runner(
            self._backend,
            read,
            height,
            width,
            needed,
            scale=self.scale,
            halo=self._halo,
            border=border,
            tile=self._tile,
            batch=batch,
        )
        if strips is not None:
            return strips, split_rows(region, min(_BAND_ROWS, largest_block))
        tile = self._tile
        if tile is None:
            tile = choose_tile(
                self._backend.bytes_per_pixel,
                self.device,
                halo=self._halo,
                unshuffle=self.spec.unshuffle,
                batch=batch,
            )
            tile = min(tile, largest_block)
        tile = limit_tile(
            tile or max(height, width), self._backend.largest_side, halo=self._halo, margin=_RESAMPLING_MARGIN
        )
        tiles = TileRunner(
            self._backend,
            read,
            height,
            width,
            scale=self.scale,
            tile=tile + _RESAMPLING_MARGIN,
            halo=self._halo,
            border=border,
            one_shape=self._backend.one_shape,
            multiple=self.spec.unshuffle,
        )
        return tiles, split_box(region, tile)


def _allocate(grid: OutputGrid, picture: Pixels) -> Pixels:
    """The result's memory, or an error before any work is done."""
    shape = (grid.rows.out_size, grid.columns.out_size, *picture.shape[2:])
    size = picture.itemsize * shape[0] * shape[1] * (shape[2] if len(shape) == 3 else 1)
    free = free_memory(torch.device("cpu"))
    if size > free:
        raise InputError(
            f"the result of {shape[1]} x {shape[0]} pixels needs {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        )
    return np.empty(shape, picture.dtype)
