"""The sources of samples: photographs, real frames, cameras, and a high-to-low net."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
from srdgan_rt.metrics.protocol import SCALE
from training.data.noise_level import NoiseShape, measure_levels
from training.data.pictures import Bytes
from training.imaging.camera import Cameras
from training.samples.clean_pictures import CleanPictures
from training.samples.frames import Frames
from training.samples.frozen_h2l import FrozenH2L
from training.samples.kind import MARGIN
from training.samples.options import DEFAULT_OPTIONS, SampleOptions
from training.samples.pair_folder import PairFolder
from training.samples.picture_store import PictureStore


class SourceData(Protocol):
    """Photographs and frames: :class:`training.data.pictures.DataFolder` or :class:`training.pack.PackedData`."""

    def read_photographs(self, smallest_side: int) -> Sequence[Bytes]:
        """Clean photographs ``(H, W, 3)``; raises InputError if there are none of that size."""

    def read_frames(self, smallest_side: int) -> Sequence[tuple[Bytes, Bytes]]:
        """Real frames (clean, noisy), ``(H, W, 3)`` each."""


class Sources:
    """The sources of all kinds of samples. Each is read at its first use.

    Args:
        data: photographs and frames.
        largest_patch: largest patch of the run, low-resolution pixels a side.
        seed: draws the cameras.
        device: where samples are made.
        options: how samples are made.
        gmsr: a folder of finished pairs; None where ``h2l`` makes them.
        h2l: the high-to-low net: name of a shipped model, or path of a weight file.
    """

    def __init__(
        self,
        data: SourceData,
        largest_patch: int,
        seed: int,
        device: torch.device,
        options: SampleOptions = DEFAULT_OPTIONS,
        gmsr: Path | None = None,
        h2l: str | os.PathLike[str] = DEFAULT_DEGRADATION,
    ) -> None:
        self._data = data
        self._largest_patch = largest_patch
        self._seed = seed
        self.device = device
        self.options = options
        self.gmsr = gmsr
        self._h2l = h2l

    @cached_property
    def clean(self) -> CleanPictures:
        """Clean pictures."""
        needed = SCALE * self._largest_patch + 2 * MARGIN
        photographs = PictureStore(self._data.read_photographs(needed), self.device)
        photographs.check_holds(needed, "photographs")
        return CleanPictures(photographs)

    @cached_property
    def _pairs(self) -> Sequence[tuple[Bytes, Bytes]]:
        return self._data.read_frames(self._largest_patch)

    @cached_property
    def frames(self) -> Frames:
        """Real frames with their noise."""
        frames = Frames(self._pairs, self.device)
        frames.store.check_holds(self._largest_patch, "frames")
        return frames

    @cached_property
    def noise_levels(self) -> tuple[NoiseShape, Tensor]:
        """The mean noise of the frames over the intensity, and the level ``(F,)`` of each of them."""
        shape, levels = measure_levels(self._pairs)
        return shape.to(self.device), torch.tensor(levels, device=self.device)

    @cached_property
    def cameras(self) -> Cameras:
        """Cameras near the measured phones."""
        return Cameras.draw(self._seed, self.device)

    @cached_property
    def noisy_cameras(self) -> Cameras:
        """Cameras of which each is the noisier of two, because strong noise is the difficult case."""
        return Cameras.draw(self._seed, self.device, tries=2)

    @cached_property
    def gmsr_pairs(self) -> PairFolder | None:
        """Finished pairs, if there is a folder of them."""
        return None if self.gmsr is None else PairFolder(self.gmsr, self.device, self._largest_patch)

    @cached_property
    def h2l(self) -> FrozenH2L:
        """The high-to-low net."""
        return FrozenH2L(self._h2l, self.device)
