"""Pictures of any size in one tensor, from which many random crops are taken at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from training.imaging.random_source import RandomSource


class PictureStore:
    """Decoded pictures on a device.

    Args:
        pictures: ``(H, W, C)`` uint8 each, of any sizes; at least one.
        device: where the pictures are, and crops are made.

    Attributes:
        sides: ``(M, 2)`` int64: height and width of each.
        starts: ``(M,)`` int64: the place of its first pixel in ``pixels``.
        pixels: ``(P, C)`` uint8: the rows of all pictures, one after the other.
    """

    def __init__(self, pictures: Sequence[npt.NDArray[np.uint8]], device: torch.device) -> None:
        self.sides = torch.tensor([picture.shape[:2] for picture in pictures], device=device)
        areas = self.sides.prod(1)
        self.starts = areas.cumsum(0) - areas
        self.pixels = torch.empty((int(areas.sum()), pictures[0].shape[2]), dtype=torch.uint8, device=device)
        for picture, start in zip(pictures, self.starts.tolist(), strict=True):
            pixels = torch.from_numpy(np.ascontiguousarray(picture)).flatten(0, 1)
            self.pixels[start : start + len(pixels)] = pixels.to(device)
        self._shortest = int(self.sides.min())

    def __len__(self) -> int:
        return len(self.sides)

    def check_holds(self, size: int, what: str) -> None:
        """Raises InputError unless crops of ``size`` pixels a side fit into every picture."""
        if self._shortest < size:
            raise InputError(f"{what} must have at least {size} pixels a side, the smallest has {self._shortest}")

    def crop(self, chosen: Tensor, size: int, random: RandomSource) -> Tensor:
        """Random places of pictures, turned and mirrored at random.

        Args:
            chosen: ``(N,)`` int64: which pictures.
            size: pixels a side, at most the shortest side of all pictures.
            random: draws places and turns.

        Returns:
            ``(N, C, size, size)`` float32 in [0, 1].
        """
        return self.crop_places(chosen, self.draw_places(chosen, size, random), size)

    def draw_places(self, chosen: Tensor, size: int, random: RandomSource) -> Tensor:
        """``(N, 5)`` int64 that say where a crop lies: top, left, and whether it is flipped, mirrored, transposed."""
        corners = (random.uniform((len(chosen), 2)) * (self.sides[chosen] - size + 1)).long()
        return torch.cat([corners, random.integers(0, 2, (len(chosen), 3))], 1)

    def crop_places(self, chosen: Tensor, places: Tensor, size: int) -> Tensor:
        """Crops at places that :meth:`draw_places` gave."""
        top, left, flipped, mirrored, transposed = places[:, :, None].unbind(1)  # (N, 1) each
        steps = torch.arange(size, device=chosen.device)
        y = top + torch.where(flipped > 0, steps.flip(0), steps)
        x = left + torch.where(mirrored > 0, steps.flip(0), steps)
        rows = self.starts[chosen, None] + y * self.sides[chosen, 1, None]
        crops = self.pixels[rows[:, :, None] + x[:, None, :]].permute(0, 3, 1, 2) / 255
        return torch.where(transposed[..., None, None] > 0, crops.mT, crops)
