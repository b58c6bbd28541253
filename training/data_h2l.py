"""The data of the stage h2l: I_pair from photographs and the camera model, I_n from real phone frames.

Every batch is a function of the seed and the iteration alone, the noise N included.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.camera import photograph, random_camera
from srdgan_rt.image import enlarge_samples
from srdgan_rt.metrics import round_to_8_bits
from srdgan_rt.models.h2l import draw_noise
from training.batches import Share, TensorBatch
from training.data import (
    MARGIN,
    PHASE,
    SCALE,
    Array,
    Bytes,
    Photographs,
    centred,
    crop,
    read_frames,
    soften_and_darken,
    stack,
    trim,
)
from training.noise_level import measure_levels

_FRAME_MARGIN = 2  # pixels around a crop of a frame that the interpolation looks at


@dataclass(frozen=True)
class H2LBatch(TensorBatch):
    """Tensors of one step, RGB in [0, 1]; the names are the paper's."""

    clean: Tensor  # HR_c (N, 3, 4P, 4P): first photographs, then enlarged phone frames
    noise: Tensor  # N, of the same shape
    low_noisy: Tensor  # LR_n (N, 3, P, P): what a camera made of HR_c, by the nearest neighbour
    level: Tensor  # (N,) noise level of LR_n, which is the standard deviation of N
    real: Tensor  # I_nc (N, 3, P, P): crops of real phone frames
    real_level: Tensor  # (N,) their noise levels
    high: Tensor  # (M, 3, 4P, 4P): the M photographs among HR_c, moved so that LR's samples lie in their blocks' middle


@dataclass(frozen=True)
class _Frame:
    """A real noisy frame and its clean twin side by side, and how noisy it is."""

    both: Bytes  # (H, W, 6)
    level: float


@dataclass(frozen=True)
class _Sample:
    """One sample of I_pair."""

    clean: Array  # HR_c with a margin, (4P + 2 * margin, 4P + 2 * margin, 3)
    low: Array  # LR_n (P, P, 3)
    level: float  # of the noise in LR_n


class H2LSampler:
    """Makes batches from photographs, the camera model and real frames (:func:`training.data.read_frames`).

    A sample of I_pair is either a photograph with what the camera model makes of it, or a clean phone frame, enlarged,
    with the noisy one.

    Args:
        root: the folder with ``train_photos`` and the frames.
        size: samples in a batch.
        patch: low-resolution pixels a side.
        seed: with the iteration and the place in the batch, decides every sample.
        share: the part of the batch that is made.

    Raises:
        InputError: a folder is missing or empty, a picture is too small, or the samples cannot be shared out evenly.
        ImageReadError: a picture cannot be read.
    """

    def __init__(self, root: Path, size: int, patch: int, seed: int, share: Share = Share()) -> None:  # noqa: B008
        num_frames = size // 2
        self._photograph_places = share.of(size - num_frames, "the larger half of the samples")
        self._frame_places = [size - num_frames + place for place in share.of(num_frames, "half of the samples")]
        self._patch = patch
        self._seed = seed
        self._photographs = Photographs(root / "train_photos", patch)
        pairs = read_frames(root, "train", patch + 2 * _FRAME_MARGIN)
        self.shape, levels = measure_levels(pairs)
        self._frames = [
            _Frame(np.concatenate([noisy, clean], -1), level)
            for (clean, noisy), level in zip(pairs, levels, strict=True)
        ]

    def batch(self, iteration: int) -> H2LBatch:
        """The batch of an iteration."""
        places = [*self._photograph_places, *self._frame_places]
        sources = [np.random.default_rng((self._seed, iteration, place)) for place in places]
        num_photographs = len(self._photograph_places)
        samples = [self._photograph(rng) for rng in sources[:num_photographs]]
        samples += [self._enlarge_frame(rng) for rng in sources[num_photographs:]]
        reals = [self._crop_frame(self._patch, rng) for rng in sources]
        sides = [centred(sample.clean) for sample in samples[:num_photographs]]
        high = SCALE * self._patch
        return H2LBatch(
            stack([trim(sample.clean, high) for sample in samples], high),
            torch.stack([self._draw_noise(sample.level, rng) for sample, rng in zip(samples, sources, strict=True)]),
            stack([sample.low for sample in samples], self._patch),
            torch.tensor([sample.level for sample in samples]),
            stack([noisy for noisy, _, _ in reals], self._patch),
            torch.tensor([level for _, _, level in reals]),
            stack([trim(picture, high) for picture in sides], high),
        )

    def _draw_noise(self, level: float, rng: np.random.Generator) -> Tensor:
        side = SCALE * self._patch
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        return draw_noise(torch.empty(1, 3, side, side), level, generator)[0]

    def _photograph(self, rng: np.random.Generator) -> _Sample:
        """A photograph and what the camera model makes of it."""
        clean = soften_and_darken(self._photographs.crop(SCALE * self._patch + 2 * MARGIN, rng), rng)
        noisy = photograph(clean, random_camera(rng), rng, mosaic=True)
        return self._pair(clean, trim(round_to_8_bits(noisy[PHASE::SCALE, PHASE::SCALE]), self._patch))

    def _enlarge_frame(self, rng: np.random.Generator) -> _Sample:
        """The same from a real frame."""
        noisy, clean, _ = self._crop_frame(self._patch + 2 * _FRAME_MARGIN, rng)
        return self._pair(enlarge_samples(clean, SCALE), trim(noisy, self._patch))

    def _pair(self, clean: Array, low: Array) -> _Sample:
        samples = trim(clean[PHASE::SCALE, PHASE::SCALE], self._patch)
        level = self.shape.level(low, samples)
        # Clipping in the dark and at the white moves the mean of noisy pictures. The HR_c of a burst is a mean of noisy
        # frames and moves along; a photograph does not, and the net would learn to change colours.
        return _Sample(clean, low + (samples - low).mean((0, 1)), level)

    def _crop_frame(self, size: int, rng: np.random.Generator) -> tuple[Array, Array, float]:
        frame = self._frames[rng.integers(len(self._frames))]
        both = crop(frame.both, size, rng)
        return both[..., :3], both[..., 3:], frame.level
