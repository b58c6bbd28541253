"""Reads the training data: photographs, and pairs of a noisy and a clean real frame."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.image import READABLE_EXTENSIONS, read_picture, take_samples
from srdgan_rt.image.alpha import flatten_on_white
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.metrics.protocol import SCALE
from training.data.folders import check_folder
from training.data.notes import note_file

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

VALIDATION_SETS = ("Set5", "phone_crops")  # folders of a data folder that a run is scored on
CLEAN_NAMES = "*_clean.*"  # each has a partner "*_noisy.*"
PYRAMID = (1.0, 0.5, 1 / 3)  # photographs are also used smaller: sharper and with denser detail


def read_rgb(path: Path) -> Bytes:
    """Decodes any picture, upright, as ``(H, W, 3)`` RGB uint8.

    Transparency is laid on white, grey becomes RGB, 16 bits are scaled to 8. Raises ImageReadError, which names the
    file.
    """
    pixels = _decode(path)
    note_file(path)
    return pixels


def _decode(path: Path) -> Bytes:
    """As :func:`read_rgb`, without a note that the file was read."""
    pixels = read_picture(path).pixels
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels, _ = flatten_on_white(pixels)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, -1)
    return np.ascontiguousarray(convert_depth(pixels, np.uint8))


def find_photographs(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted; InputError when there are none, or no folder."""
    check_folder(folder)
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in READABLE_EXTENSIONS)
    if not paths:
        raise InputError(f"no pictures in {folder}")
    return paths


def load_photographs(folder: Path, smallest_side: int) -> Iterator[tuple[Path, list[Bytes]]]:
    """Decodes a folder of photographs, one after the other, at several sizes.

    Photographs that are too small are left out, and a line on stderr says how many.

    Args:
        folder: holds the pictures.
        smallest_side: sizes with a shorter side are left out.

    Yields:
        The file, and ``(H, W, 3)`` uint8 RGB for each size, the largest first.
    """
    paths = find_photographs(folder)
    num_used = 0
    for path in paths:
        if levels := _load_levels(path, smallest_side):
            num_used += 1
            yield path, levels
    if 0 < num_used < len(paths):
        left_out = f"{len(paths) - num_used} of {len(paths)} photographs in {folder} are left out"
        print(f"{left_out}: they have fewer than {smallest_side} pixels a side", file=sys.stderr, flush=True)


def _load_levels(path: Path, smallest_side: int) -> list[Bytes]:
    """One photograph at several sizes; it counts as read only if one of them is large enough."""
    photograph = _decode(path)
    levels = []
    for factor in PYRAMID:
        height, width = (round(side * factor) for side in photograph.shape[:2])
        if min(height, width) >= smallest_side:
            level = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(level, np.uint8))
    if levels:
        note_file(path)
    return levels


def read_phone_pairs(folder: Path, smallest_side: int = 1) -> Iterator[tuple[Bytes, Bytes]]:
    """Reads pairs ``*_clean.*`` / ``*_noisy.*``, one after the other.

    Args:
        folder: holds the pairs.
        smallest_side: smallest side of a pair.

    Yields:
        (clean, noisy), ``(H, W, 3)`` each, in the order of the names.

    Raises:
        InputError: a pair does not fit or is too small, a picture cannot be read, or there is none.
    """
    check_folder(folder)
    paths = sorted(folder.glob(CLEAN_NAMES))
    if not paths:
        raise InputError(f"no *_clean.* / *_noisy.* pairs in {folder}")
    for path in paths:
        clean, noisy = read_rgb(path), read_rgb(path.with_name(path.name.replace("_clean.", "_noisy.")))
        height, width = clean.shape[:2]
        if clean.shape != noisy.shape:
            sizes = f"{width} x {height} and {noisy.shape[1]} x {noisy.shape[0]}"
            raise InputError(f"{path} and its noisy picture differ in size: {sizes}")
        if min(height, width) < smallest_side:
            raise InputError(f"{path} must have at least {smallest_side} pixels a side, has {width} x {height}")
        yield clean, noisy


_FRAME_STEPS = {"phone_pairs": 1, "pairs": SCALE}  # frames sampled down already, and whole ones


def read_frames(root: Path, split: str, smallest_side: int = 1) -> list[tuple[Bytes, Bytes]]:
    """Reads pairs of a clean and a noisy real frame, at low resolution.

    Args:
        root: holds ``phone_pairs/SPLIT``, frames that are sampled down already, or ``pairs/SPLIT``, whole ones as
            ``training.make_pairs`` writes them, or both. Of a whole frame the middle samples are taken.
        split: "train" or "test".
        smallest_side: low-resolution pixels that a frame must have at least.

    Returns:
        (clean, noisy), ``(H, W, 3)`` each.

    Raises:
        InputError: as :func:`read_phone_pairs`, or neither folder holds a pair.
    """
    pairs = []
    for folder, step in _frame_folders(root, split):
        for pair in read_phone_pairs(folder, step * smallest_side):
            # Copies, so that the whole frames do not stay in memory.
            clean, noisy = (np.ascontiguousarray(take_samples(picture, step)) for picture in pair)
            pairs.append((clean, noisy))
    if not pairs:
        folders = " nor ".join(str(root / name / split) for name in _FRAME_STEPS)
        raise InputError(f"no pairs of a noisy and a clean frame: neither {folders} holds any")
    return pairs


def has_frames(root: Path, split: str) -> bool:
    """Whether :func:`read_frames` finds pairs."""
    return bool(_frame_folders(root, split))


def _frame_folders(root: Path, split: str) -> list[tuple[Path, int]]:
    """The folders that hold pairs, and how many of their pixels make one at low resolution.

    ``training.make_pairs`` makes ``test``, too, but of a single scene it has no pairs.
    """
    folders = [(root / name / split, step) for name, step in _FRAME_STEPS.items()]
    return [(folder, step) for folder, step in folders if any(folder.glob(CLEAN_NAMES))]


class DataFolder:
    """A data folder, as docs/training.md describes it.

    Args:
        root: holds ``train_photos``, and ``phone_pairs`` or ``pairs``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read_photographs(self, smallest_side: int) -> list[Bytes]:
        """Photographs at several sizes; raises InputError if none has that side."""
        folder = self._root / "train_photos"
        photographs = [level for _, levels in load_photographs(folder, smallest_side) for level in levels]
        if not photographs:
            raise InputError(f"no photograph in {folder} has {smallest_side} pixels a side, as patches need")
        return photographs

    def read_frames(self, smallest_side: int) -> list[tuple[Bytes, Bytes]]:
        """Real frames to train on, as :func:`read_frames` gives them."""
        return read_frames(self._root, "train", smallest_side)


def as_tensor(image: Array) -> Tensor:
    """``(H, W, C)`` to ``(C, H, W)``."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def as_array(image: Tensor) -> Array:
    """``(C, H, W)`` to ``(H, W, C)``."""
    return np.asarray(image.permute(1, 2, 0).numpy(), np.float32)
