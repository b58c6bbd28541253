"""``Degrader``: makes small, noisy pictures from clean ones, as a phone would take them (section 3.2)."""

from __future__ import annotations

import copy
import os
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srdgan_rt._fork import note_threads
from srdgan_rt.checkpoint import DEFAULT_DEGRADATION, H2LModel, load_h2l
from srdgan_rt.checkpoint.locate import pin_model
from srdgan_rt.checks import check_whole
from srdgan_rt.errors import InputError
from srdgan_rt.image import take_samples
from srdgan_rt.models import H2LNet
from srdgan_rt.models.h2l import check_noise_level
from srdgan_rt.pixels import Pixels, check_pixels
from srdgan_rt.runtime.backend import exact_precision, prepare_net, resolve_device
from srdgan_rt.runtime.canvas import Canvas
from srdgan_rt.runtime.progress import Progress, ProgressCallback
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box, split_box


class Degrader:
    """Makes small, noisy pictures from large, clean ones with one high-to-low network, in fp32.

    One object may be used by several threads at once: a call does not change it. A result depends only on the picture,
    the noise level and the seed; it is bit-identical on the same machine with the same version of PyTorch. An object
    can be pickled, and used after a fork, like :class:`~srdgan_rt.runtime.Upscaler`.

    Args:
        model: name of a shipped model, path of a weight file, or a network or
            :class:`~srdgan_rt.checkpoint.H2LModel`, which is copied.
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        tile: largest side of a tile, in pixels of the clean picture. It decides the memory (about 0.3 GB for the
            paper's net) and changes the result only by rounding errors of fp32.

    Raises:
        CheckpointError: the model cannot be loaded.
        BackendUnavailableError: the device cannot be used here; the message says why.
        InputError: an argument is out of range.

    Attributes:
        name: name of the model.
        metadata: metadata of the weight file.
        digest: sha256 of the weights.
        scale: reduction of the network.
        device: device that the network runs on.
        noise_levels: standard deviations of N, for pictures in [0, 1], that the network was trained with.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | H2LNet | H2LModel = DEFAULT_DEGRADATION,
        *,
        device: str | torch.device = "auto",
        tile: int = 256,
    ) -> None:
        note_threads()
        # What pickle makes the same object from in another process.
        self._source = copy.deepcopy(model) if isinstance(model, H2LNet | H2LModel) else pin_model(model)
        self._options: dict[str, Any] = {"device": device, "tile": tile}
        if isinstance(model, H2LNet):
            model = H2LModel(model)
        elif not isinstance(model, H2LModel):
            model = load_h2l(model)
        net = model.net
        check_whole("tile", tile, net.scale)
        self.scale = net.scale
        self.name = model.name
        self.metadata = model.metadata
        self.digest = model.digest
        self.noise_levels = model.noise_levels
        self.device = resolve_device(device)
        self._net = prepare_net(net, self.device, torch.float32)
        self._tile = tile // self.scale
        # Two 3x3 convolutions per block and the last one: what a result reads beyond its own block of pixels.
        self._halo = -(-(2 * net.num_blocks + 1) // self.scale)

    def __repr__(self) -> str:
        return f"<Degrader {self.name or 'without a name'} 1/{self.scale} on {self.device}>"

    def __reduce__(self) -> tuple[partial[Degrader], tuple[object]]:
        return partial(type(self), **self._options), (self._source,)

    @torch.inference_mode()
    def degrade(
        self,
        image: Pixels,
        *,
        noise_level: float | None = None,
        seed: int = 0,
        progress: ProgressCallback | None = None,
    ) -> Pixels:
        """Degrades a clean picture (equation 1).

        Result pixel ``i`` is taken around pixel ``scale * i + scale // 2`` of the picture; see
        :func:`srdgan_rt.image.resample.shift_half_pixel` for the consequence for pairs.

        Args:
            image: ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB, ``(H, W, 4)`` RGBA
                with straight alpha; uint8, uint16, or float32 in [0, 1]. It is cropped at the right and
                the bottom to multiples of the scale, as in evaluation.
            noise_level: standard deviation of N for pictures in [0, 1], at least 0; None draws one of
                :attr:`noise_levels`.
            seed: seed of N and of the draw of its level, at least 0. Row y of N depends only on the seed, y and the
                width.
            progress: called as ``progress(done, total)`` in pixels of the result after each tile.

        Returns:
            Same layout and dtype, ``H // scale`` x ``W // scale``, rounded to nearest and clipped. Grey stays grey
            (the mean of the network's channels); alpha is point-sampled.

        Raises:
            InputError: an argument is of the wrong type, shape or range.
        """
        picture = check_pixels(image)
        level = self.draw_level(seed) if noise_level is None else check_noise_level(noise_level)
        height, width = (side // self.scale for side in picture.shape[:2])
        if height < 1 or width < 1:
            raise InputError(f"image must be at least {self.scale} x {self.scale} pixels, got shape {picture.shape}")
        picture = picture[: height * self.scale, : width * self.scale]
        canvas = Canvas(picture, height, width)
        if canvas.alpha is not None:
            canvas.fill_alpha(take_samples(canvas.alpha, self.scale))
        source = Source.from_picture(canvas.colour)
        bounds = Box(0, 0, width, height)
        reporter = Progress(progress, bounds.area)
        done = 0
        rows: tuple[int, int] | None = None
        noise = torch.empty(0)
        for core in split_box(bounds, self._tile):  # boxes are in pixels of the result
            read = core.grow(self._halo).clip(bounds)
            x, y, w, h = (self.scale * value for value in read)  # the same in pixels of the picture
            if rows != (y, h):
                rows = y, h
                noise = level * _draw_rows(seed, y, y + h, width * self.scale)  # (1, 3, h, W)
            clean = source.read(Box(x, y, w, h)).to(self.device)  # (1, 3, h, w)
            with exact_precision(self.device, torch.float32):
                low = self._net(clean, noise[..., x : x + w].to(self.device))[0]  # (3, h / scale, w / scale)
            low = low[:, core.y - read.y :, core.x - read.x :][:, : core.height, : core.width]
            canvas.write_colour(core, canvas.select_channels(low))
            done += core.area
            reporter.note_finished(done)
        return canvas.pixels

    def draw_level(self, seed: int) -> float:
        """Draws the noise level that :meth:`degrade` uses by default: one of :attr:`noise_levels`."""
        return float(_make_generator(seed, 0).choice(self.noise_levels))


def _draw_rows(seed: int, start: int, stop: int, width: int) -> Tensor:
    """Rows ``start..stop - 1`` of normal noise, ``(1, 3, stop - start, width)``, the same for any tiles."""
    rows = [_make_generator(seed, 1 + y).standard_normal((3, width), np.float32) for y in range(start, stop)]
    return torch.from_numpy(np.stack(rows, 1))[None]


def _make_generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng((check_whole("seed", seed, 0), stream))
