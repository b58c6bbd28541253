"""Finished pairs for the trainers: what ``training.synthesize`` or ``srdgan-rt degrade`` made, or anybody else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from srdgan_rt.errors import InputError
from training.data import SCALE, Array, Bytes, find_photographs, read_rgb

_LOW = f"LRx{SCALE}"


class PairFolder:
    """The pairs of a folder, kept in memory at 8 bits, to take random crops from.

    Args:
        root: holds ``HR/`` and ``LRx4/``, whose pictures go together by their names without the extension. Pairs must
            be centred, as bicubic ones and those of :func:`srdgan_rt.runtime.pairs.pair_up` are.

    Raises:
        InputError: a folder is missing or empty, a picture has no partner, or the sizes of two do not fit; the message
            names the file.
        SrdganError: a picture cannot be read.
    """

    def __init__(self, root: Path) -> None:
        highs, lows = _find_pictures(root / "HR"), _find_pictures(root / _LOW)
        for paths, partners, place in ((highs, lows, _LOW), (lows, highs, "HR")):
            if alone := sorted(paths.keys() - partners.keys()):
                raise InputError(f"{paths[alone[0]]} has no partner in {root / place}")
        self._pairs = [_read_pair(lows[stem], highs[stem]) for stem in sorted(lows)]
        areas = np.array([low.shape[0] * low.shape[1] for low, _ in self._pairs], np.float64)
        self._odds = areas / areas.sum()
        self._shortest, self._shortest_path = min(
            (min(low.shape[:2]), lows[stem]) for stem, (low, _) in zip(sorted(lows), self._pairs, strict=True)
        )

    def __len__(self) -> int:
        return len(self._pairs)

    def crop(self, patch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """A random place of a random pair, every place as likely as any other, turned and mirrored at random.

        Args:
            patch: low-resolution pixels a side.
            rng: decides what is drawn.

        Returns:
            LR ``(patch, patch, 3)`` and HR ``(4 patch, 4 patch, 3)``, RGB float32 in [0, 1].

        Raises:
            InputError: a picture is smaller than the patch; the message names the file.
        """
        if patch > self._shortest:
            raise InputError(f"{self._shortest_path} is smaller than a patch of {patch} pixels: {self._shortest}")
        pair = self._pairs[rng.choice(len(self._pairs), p=self._odds)]
        y, x = (int(rng.integers(side - patch + 1)) for side in pair[0].shape[:2])
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))

        def cut(picture: Bytes, factor: int) -> Array:
            window = picture[factor * y : factor * (y + patch), factor * x : factor * (x + patch)]
            window = np.rot90(window, turns)
            return np.asarray((window[:, ::-1] if mirrored else window) / np.float32(255), np.float32)

        return cut(pair[0], 1), cut(pair[1], SCALE)


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
