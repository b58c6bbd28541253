"""The data of the stage h2l: I_pair from photographs and the camera model, I_n from real phone frames.

Every batch is a function of the seed and the iteration alone, the noise N included.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.camera import photograph, random_camera, read_noise_levels
from srdgan_rt.image import enlarge_samples
from srdgan_rt.models.h2l import draw_noise
from training.data import (
    MARGIN,
    PHASE,
    SCALE,
    Array,
    Bytes,
    Photographs,
    crop,
    read_phone_pairs,
    round_to_8_bits,
    soften_and_darken,
    stack,
    trim,
)
from training.noise_level import NoiseShape

_FRAME_MARGIN = 2  # pixels around a crop of a frame that the interpolation looks at


@dataclass(frozen=True)
class H2LBatch:
    """Tensors of one step, RGB in [0, 1]; the names are the paper's."""

    clean: Tensor  # HR_c (N, 3, 4P, 4P)
    noise: Tensor  # N, of the same shape
    low_noisy: Tensor  # LR_n (N, 3, P, P): what a camera made of HR_c, by the nearest neighbour
    level: Tensor  # (N,) noise level of LR_n, which is the standard deviation of N
    real: Tensor  # I_nc (N, 3, P, P): crops of real phone frames
    real_level: Tensor  # (N,) their noise levels


@dataclass(frozen=True)
class _Frame:
    """A real noisy frame and its clean twin side by side, and how noisy it is."""

    both: Bytes  # (H, W, 6)
    level: float


class H2LSampler:
    """Makes batches from the folders ``train_photos``, ``phone_pairs/train`` and ``noise_model``.

    A sample of I_pair is either a photograph with what the camera model makes of it, or a clean phone frame, enlarged,
    with the noisy one.

    Args:
        root: the folder that holds the three.
        size: samples in a batch.
        patch: low-resolution pixels a side.
        seed: with the iteration, decides every sample.

    Raises:
        InputError: a folder is missing or empty, a picture cannot be read or is too small.
    """

    def __init__(self, root: Path, size: int, patch: int, seed: int) -> None:
        self._size = size
        self._patch = patch
        self._seed = seed
        self._photographs = Photographs(root / "train_photos", patch)
        pairs = read_phone_pairs(root / "phone_pairs" / "train", patch + 2 * _FRAME_MARGIN)
        self.shape = NoiseShape([(noisy / np.float32(255), clean / np.float32(255)) for clean, noisy in pairs])
        self._frames = [
            _Frame(
                np.concatenate([noisy, clean], -1), self.shape.level(noisy / np.float32(255), clean / np.float32(255))
            )
            for clean, noisy in pairs
        ]
        self._noise_levels = read_noise_levels(root / "noise_model" / "noise_level_functions.csv")

    @property
    def levels(self) -> list[float]:
        """The noise levels of the real frames, in the order of the files."""
        return [frame.level for frame in self._frames]

    def batch(self, iteration: int) -> H2LBatch:
        """The batch of an iteration."""
        rng = np.random.default_rng((self._seed, iteration))
        pairs = [self._enlarge_frame(rng) if rng.random() < 0.5 else self._photograph(rng) for _ in range(self._size)]
        reals = [self._crop_frame(self._patch, rng) for _ in range(self._size)]
        clean = stack([high for high, _, _ in pairs], SCALE * self._patch)
        level = torch.tensor([level for _, _, level in pairs])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        return H2LBatch(
            clean,
            level.view(-1, 1, 1, 1) * draw_noise(clean, 1.0, generator),
            stack([low for _, low, _ in pairs], self._patch),
            level,
            stack([noisy for noisy, _, _ in reals], self._patch),
            torch.tensor([level for _, _, level in reals]),
        )

    def _photograph(self, rng: np.random.Generator) -> tuple[Array, Array, float]:
        """``(4P, 4P, 3)`` HR_c and ``(P, P, 3)`` LR_n from a photograph and the camera model, and the noise level."""
        clean = soften_and_darken(self._photographs.crop(SCALE * self._patch + 2 * MARGIN, rng), rng)
        noisy = photograph(clean, random_camera(rng, self._noise_levels), rng, mosaic=True)
        low = trim(round_to_8_bits(noisy[PHASE::SCALE, PHASE::SCALE]), self._patch)
        return self._pair(trim(clean, SCALE * self._patch), low)

    def _enlarge_frame(self, rng: np.random.Generator) -> tuple[Array, Array, float]:
        """The same from a real frame."""
        noisy, clean, _ = self._crop_frame(self._patch + 2 * _FRAME_MARGIN, rng)
        return self._pair(trim(enlarge_samples(clean, SCALE), SCALE * self._patch), trim(noisy, self._patch))

    def _pair(self, clean: Array, low: Array) -> tuple[Array, Array, float]:
        samples = clean[PHASE::SCALE, PHASE::SCALE]
        level = self.shape.level(low, samples)
        # Clipping in the dark and at the white moves the mean of noisy pictures. The HR_c of a burst is a mean of noisy
        # frames and moves along; a photograph does not, and the net would learn to change colours.
        return clean, low + (samples - low).mean((0, 1)), level

    def _crop_frame(self, size: int, rng: np.random.Generator) -> tuple[Array, Array, float]:
        frame = self._frames[rng.integers(len(self._frames))]
        both = crop(frame.both, size, rng)
        return both[..., :3], both[..., 3:], frame.level
