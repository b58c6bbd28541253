"""Typical pictures, on which a finished network is measured: for int8 and for flat areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.image import take_samples
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.pixels import crop_centre, to_float32
from training.data.pictures import Bytes, as_tensor, find_photographs, read_frames, read_rgb

T = TypeVar("T")


def read_typical(data: Path, count: int, size: int) -> Iterator[Tensor]:
    """Middles of noisy phone frames and of photographs that were sampled down, the same for the same folder.

    Args:
        data: with ``train_photos`` and ``phone_pairs/train`` (or ``pairs/train``).
        count: how many in all; fewer where there are not so many.
        size: largest side of their middle crop.

    Yields:
        (1, 3, H, W) float32 in [0, 1].

    Raises:
        InputError: ``count`` is below 2 or ``size`` below 16, or a folder is missing.
    """
    if count < 2 or size < 16:
        raise InputError(f"pictures must be at least 2 and their size 16, got {count} and {size}")
    for _, noisy in _spread(read_frames(data, "train"), count // 2):
        yield _crop(noisy, size)
    for path in _spread(find_photographs(data / "train_photos"), count - count // 2):
        yield _crop(take_samples(read_rgb(path), SCALE), size)


def read_typical_photographs(data: Path, count: int, size: int) -> Iterator[Tensor]:
    """Middles of photographs at their full size, the same for the same folder.

    Args:
        data: with ``train_photos``.
        count: how many; fewer where there are not so many.
        size: largest side of their middle crop.

    Yields:
        (1, 3, H, W) float32 in [0, 1], H and W multiples of the scale.

    Raises:
        InputError: there are no photographs.
    """
    for path in _spread(find_photographs(data / "train_photos"), count):
        picture = _crop(read_rgb(path), size)
        height, width = (side // SCALE * SCALE for side in picture.shape[2:])
        yield picture[..., :height, :width]


def _spread(items: Sequence[T], count: int) -> list[T]:
    """Selects so many of them, evenly from the first to the last."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def _crop(picture: Bytes, size: int) -> Tensor:
    return as_tensor(to_float32(crop_centre(picture, size)))[None]
