"""Makes the batches of the high-to-low net: I_pair from photographs and the camera model, I_n from real phone frames.

A batch is a function of the seed and the iteration alone, the noise N included.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.ops import nearest_downsample
from srdgan_rt.pixels import round_to_8_bits
from training.data.batch import DataShard, TensorBatch
from training.imaging.filters import enlarge_samples
from training.imaging.random_source import RandomSource
from training.samples.kind import MARGIN, sample_nearest, trim
from training.samples.sources import Sources

_FRAME_MARGIN = 2  # pixels around a crop of a frame that the interpolation looks at


@dataclass(frozen=True)
class H2LBatch(TensorBatch):
    """Tensors of one step, RGB in [0, 1]; the names are the paper's."""

    clean: Tensor  # HR_c (N, 3, 4P, 4P): first photographs, then enlarged phone frames
    noise: Tensor  # N, of the same shape
    low_noisy: Tensor  # LR_n (N, 3, P, P): HR_c captured by a camera and point-sampled
    level: Tensor  # (N,) noise level of LR_n, which is the standard deviation of N
    real: Tensor  # I_nc (N, 3, P, P): crops of real phone frames
    real_level: Tensor  # (N,) their noise levels
    high: Tensor  # (M, 3, 4P, 4P): the M photographs among HR_c, moved so that LR is centred


class H2LSampler:
    """Makes batches from photographs, the camera model and real frames.

    A sample of I_pair is either a photograph and the camera model's capture of it, or an enlarged clean phone frame and
    the noisy frame.

    Args:
        sources: what samples are made from; their largest patch is at least ``patch``. Frames must have 4 pixels a side
            more than a patch.
        size: samples in a batch.
        patch: low-resolution pixels a side.
        seed: with the iteration, decides every batch.
        shard: the part of the batch that this process trains on.

    Raises:
        InputError: a source is missing or too small, or the samples cannot be shared out evenly.
        ImageReadError: a picture cannot be read.
    """

    def __init__(self, sources: Sources, size: int, patch: int, seed: int, shard: DataShard = DataShard()) -> None:  # noqa: B008
        self._num_frames = size // 2
        self._num_photographs = size - self._num_frames
        self._photographs_kept = list(shard.of(self._num_photographs, "the larger half of the samples"))
        self._kept = self._photographs_kept + [
            self._num_photographs + place for place in shard.of(self._num_frames, "half of the samples")
        ]
        self._patch = patch
        self._seed = seed
        self._device = sources.device
        self._clean, self._cameras, self._frames = sources.clean, sources.cameras, sources.frames
        self._frames.store.check_holds(patch + 2 * _FRAME_MARGIN, "frames")
        self.shape, self._levels = sources.noise_levels

    @torch.no_grad()
    def batch(self, iteration: int) -> H2LBatch:
        """The batch of an iteration."""
        random = RandomSource((self._seed, iteration), self._device)
        clean, noisy = (
            torch.cat(parts) for parts in zip(self._capture(random), self._enlarge_frames(random), strict=True)
        )
        samples = trim(nearest_downsample(clean, SCALE), self._patch)
        level = self.shape.levels(noisy, samples)
        # Clipping in the dark and at the white moves the mean of noisy pictures. The HR_c of a burst is a mean of noisy
        # frames and moves along; a photograph does not, and the net would learn to change colours.
        noisy = noisy + (samples - noisy).mean((2, 3), keepdim=True)
        moved = trim(sample_nearest(clean[: self._num_photographs])[1], SCALE * self._patch)
        clean = trim(clean, SCALE * self._patch)
        noise = level.view(-1, 1, 1, 1) * random.normal(clean.shape)
        chosen = random.integers(0, len(self._frames.store), (len(clean),))
        real = self._frames.store.crop(chosen, self._patch, random)[:, :3]
        kept = self._kept
        return H2LBatch(
            clean[kept],
            noise[kept],
            noisy[kept],
            level[kept],
            real[kept],
            self._levels[chosen][kept],
            moved[self._photographs_kept],
        )

    def _capture(self, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Photographs with a margin, and the camera model's captures of them at low resolution."""
        size = SCALE * self._patch + 2 * MARGIN
        clean = self._clean.draw_photographs(self._num_photographs, size, random, noisy=True)
        captured = nearest_downsample(self._cameras.capture(clean, random), SCALE)
        return clean, trim(round_to_8_bits(captured), self._patch)

    def _enlarge_frames(self, random: RandomSource) -> tuple[Tensor, Tensor]:
        """The same from real frames."""
        chosen = random.integers(0, len(self._frames.store), (self._num_frames,))
        both = self._frames.store.crop(chosen, self._patch + 2 * _FRAME_MARGIN, random)
        noisy, clean = both.split(3, 1)
        return enlarge_samples(clean), trim(noisy, self._patch)
