"""Reads finished pairs, such as those of ``training.synthesize`` or ``srdgan-rt degrade``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.metrics.protocol import SCALE
from training.data.pictures import Bytes, find_photographs, read_rgb
from training.imaging.random_source import RandomSource
from training.samples.picture_store import PictureStore

_LOW = f"LRx{SCALE}"


class PairFolder:
    """The pairs of a folder, kept in memory at 8 bits, to take random crops from.

    Args:
        root: holds ``HR/`` and ``LRx4/``, whose pictures go together by their names without the extension. Pairs must
            be centred, as bicubic ones and those of :func:`srdgan_rt.degrade.pairs.pair_up` are.
        device: where crops are made.
        largest_patch: largest patch of the run, low-resolution pixels a side.

    Raises:
        InputError: a folder is missing or empty, a picture has no partner, the sizes of two do not fit, or one is
            smaller than the patch; the message names the file or the folder.
        SrdganError: a picture cannot be read.
    """

    def __init__(self, root: Path, device: torch.device, largest_patch: int) -> None:
        highs, lows = _find_pictures(root / "HR"), _find_pictures(root / _LOW)
        for paths, partners, place in ((highs, lows, _LOW), (lows, highs, "HR")):
            if alone := sorted(paths.keys() - partners.keys()):
                raise InputError(f"{paths[alone[0]]} has no partner in {root / place}")
        pairs = [_read_pair(lows[stem], highs[stem]) for stem in sorted(lows)]
        self._lows, self._highs = (PictureStore(pictures, device) for pictures in zip(*pairs, strict=True))
        self._lows.check_holds(largest_patch, f"pictures of {root / _LOW}")
        self._odds = self._lows.sides.prod(1).float()

    def __len__(self) -> int:
        return len(self._lows)

    def crop(self, count: int, patch: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Random places of random pairs, every place as likely as any other, turned and mirrored at random.

        Args:
            count: how many.
            patch: low-resolution pixels a side, at most ``largest_patch``.
            random: decides what is drawn.

        Returns:
            LR ``(count, 3, patch, patch)`` and HR ``(count, 3, 4 patch, 4 patch)``, RGB float32 in [0, 1].
        """
        chosen = torch.multinomial(self._odds, count, replacement=True, generator=random.generator)
        places = self._lows.draw_places(chosen, patch, random)
        scales = torch.tensor([SCALE, SCALE, 1, 1, 1], device=places.device)
        low = self._lows.crop_places(chosen, places, patch)
        return low, self._highs.crop_places(chosen, places * scales, SCALE * patch)


def _find_pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without the extension."""
    found: dict[str, Path] = {}
    for path in find_photographs(folder):
        if path.stem in found:
            raise InputError(f"{path} and {found[path.stem].name} have one name")
        found[path.stem] = path
    return found


def _read_pair(low_path: Path, high_path: Path) -> tuple[Bytes, Bytes]:
    low, high = read_rgb(low_path), read_rgb(high_path)
    height, width = low.shape[:2]
    if (high.shape[0] // SCALE, high.shape[1] // SCALE) != (height, width):
        sizes = f"{high.shape[1]}x{high.shape[0]} and {width}x{height}"
        raise InputError(f"{low_path} must be a quarter of {high_path}, got {sizes}")
    return low, np.ascontiguousarray(high[: SCALE * height, : SCALE * width])
