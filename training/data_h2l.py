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
from srdgan_rt.models.h2l import draw_noise
from training.data import (
    MARGIN,
    PHASE,
    SCALE,
    Array,
    Photographs,
    crop,
    load_phone_frames,
    round_to_8_bits,
    soften_and_darken,
    stack,
    trim,
)


@dataclass(frozen=True)
class H2LBatch:
    """Tensors of one step, RGB in [0, 1]; the names are the paper's."""

    clean: Tensor  # HR_c (N, 3, 4P, 4P)
    noise: Tensor  # N, of the same shape
    low_noisy: Tensor  # LR_n (N, 3, P, P): what the camera model made of HR_c, by the nearest neighbour
    real: Tensor  # I_nc (N, 3, P, P): crops of real phone frames, of other scenes


class H2LSampler:
    """Makes batches from the folders ``train_photos``, ``phone_pairs/train`` and ``noise_model``.

    Args:
        root: the folder that holds the three.
        size: samples in a batch.
        patch: low-resolution pixels a side.
        noise_sigma: standard deviation of N.
        seed: with the iteration, decides every sample.

    Raises:
        InputError: a folder is missing or empty, a picture cannot be read or is too small.
    """

    def __init__(self, root: Path, size: int, patch: int, noise_sigma: float, seed: int) -> None:
        self._size = size
        self._patch = patch
        self._noise_sigma = noise_sigma
        self._seed = seed
        self._photographs = Photographs(root / "train_photos", patch)
        self._frames = [frame.noisy for frame in load_phone_frames(root / "phone_pairs" / "train", smallest_side=patch)]
        self._noise_levels = read_noise_levels(root / "noise_model" / "noise_level_functions.csv")

    def batch(self, iteration: int) -> H2LBatch:
        """The batch of an iteration."""
        rng = np.random.default_rng((self._seed, iteration))
        pairs = [self._make_pair(rng) for _ in range(self._size)]
        real = [crop(self._frames[rng.integers(len(self._frames))], self._patch, rng) for _ in range(self._size)]
        clean = stack([high for high, _ in pairs], SCALE * self._patch)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        noise = draw_noise(clean, self._noise_sigma, generator)
        return H2LBatch(clean, noise, stack([low for _, low in pairs], self._patch), stack(real, self._patch))

    def _make_pair(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """``(4P, 4P, 3)`` HR_c and ``(P, P, 3)`` LR_n."""
        clean = soften_and_darken(self._photographs.crop(SCALE * self._patch + 2 * MARGIN, rng), rng)
        noisy = photograph(clean, random_camera(rng, self._noise_levels), rng, mosaic=True)
        low = trim(round_to_8_bits(noisy[PHASE::SCALE, PHASE::SCALE]), self._patch)
        # Clipping in the dark and at the white moves the mean of noisy pictures. The HR_c of a burst is a mean of noisy
        # frames and moves along; a photograph does not, and the net would learn to change colours.
        low = low + (trim(clean[PHASE::SCALE, PHASE::SCALE], self._patch) - low).mean((0, 1))
        return trim(clean, SCALE * self._patch), low
