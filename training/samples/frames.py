"""Real noisy frames, whose noise is resampled for other pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.imaging.random_source import RandomSource
from training.samples.picture_store import PictureStore

_NUM_LEVELS = 3 * 255 + 1  # of the sum of three channels of 8 bits


class Frames:
    """Pairs of clean and noisy real frames, and their noise sorted by brightness.

    Args:
        pairs: (clean, noisy), ``(H, W, 3)`` uint8 each.
        device: where the tensors are.
    """

    def __init__(
        self, pairs: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]], device: torch.device
    ) -> None:
        self.store = PictureStore([np.concatenate([noisy, clean], -1) for clean, noisy in pairs], device)
        residuals, firsts, spreads = [], [], []
        for clean, noisy in pairs:
            brightness = clean.reshape(-1, 3).sum(1, dtype=np.int64)
            order = np.argsort(brightness, kind="stable")
            residual = (noisy.astype(np.int16) - clean).reshape(-1, 3)[order]
            residuals.append(residual)
            firsts.append(np.searchsorted(brightness[order], np.arange(_NUM_LEVELS)))
            spreads.append(residual.std())
        self._residuals = torch.from_numpy(np.concatenate(residuals)).to(device)  # (P, 3) int16
        self._firsts = torch.from_numpy(np.stack(firsts)).to(device)  # (F, levels): the first pixel of each brightness
        self._counts = self.store.sides.prod(1)
        # Noisy frames are the difficult ones.
        self._odds = torch.tensor(np.array(spreads, np.float32) / np.sum(spreads), device=device)

    def pick(self, count: int, random: RandomSource) -> Tensor:
        """``(N,)`` int64: frames, noisy ones more often."""
        return torch.multinomial(self._odds, count, replacement=True, generator=random.generator)

    def resample_noise(self, clean: Tensor, chosen: Tensor, random: RandomSource) -> Tensor:
        """Adds the noise that frames have at the same brightness.

        A residual is taken whole from one pixel, so that its three channels keep their correlation, its distribution
        (clipped, skewed, biased as real phone noise is) and its dependence on the signal.

        Args:
            clean: ``(N, 3, H, W)`` in [0, 1].
            chosen: ``(N,)`` int64, the frame of each picture.
            random: picks the pixels.

        Returns:
            ``(N, 3, H, W)``, neither clipped nor rounded.
        """
        levels = (clean * 255).sum(1).flatten(1)  # (N, H * W)
        levels = (levels + random.uniform(levels.shape, -1.5, 1.5)).ceil().clamp(0, _NUM_LEVELS - 1).long()
        counts = self._counts[chosen, None]
        reach = counts // 256
        # Brightness that the frame does not have: among its darkest or brightest pixels, not always the last of them.
        middle = self._firsts[chosen].gather(1, levels).maximum(reach).minimum(counts - 1 - reach)
        places = middle + (random.uniform(levels.shape, -1, 1) * reach).round().long()
        residual = self._residuals[self.store.starts[chosen, None] + places]  # (N, H * W, 3)
        return clean + residual.mT.reshape(clean.shape) / 255
