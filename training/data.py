"""Training pairs made on the fly from clean photographs, real phone noise and the camera model.

Every sample is a function of the seed and the iteration alone, so a resumed run sees what an uninterrupted one would.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.image import READABLE_EXTENSIONS, read_picture
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.metrics.protocol import PHASE as PHASE
from srdgan_rt.metrics.protocol import SCALE as SCALE

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

MARGIN = 2 * SCALE  # high-resolution pixels around a patch that filters may look at, cut off afterwards
PYRAMID = (1.0, 0.5, 1 / 3)  # photographs are also used smaller: sharper and with denser detail


def read_rgb(path: Path) -> Bytes:
    """Decodes any picture, upright, as ``(H, W, 3)`` RGB uint8.

    Alpha is dropped, grey becomes RGB, 16 bits are scaled to 8. Raises ImageReadError, which names the file.
    """
    pixels = read_picture(path).pixels
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, -1)
    return np.ascontiguousarray(convert_depth(pixels[..., :3], np.uint8))


def find_photographs(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted; InputError when there are none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in READABLE_EXTENSIONS)
    if not paths:
        raise InputError(f"no pictures in {folder}")
    return paths


def load_photographs(folder: Path, smallest_side: int) -> list[Bytes]:
    """Decodes a folder of photographs at several sizes, all kept in memory.

    Args:
        folder: holds the pictures.
        smallest_side: levels with a shorter side are left out.

    Returns:
        ``(H, W, 3)`` uint8 RGB each.
    """
    return [level for path in find_photographs(folder) for level in load_levels(path, smallest_side)]


def load_levels(path: Path, smallest_side: int) -> list[Bytes]:
    """One photograph at the sizes that :func:`load_photographs` gives, ``(H, W, 3)`` each, the largest first."""
    photograph_ = read_rgb(path)
    levels = []
    for factor in PYRAMID:
        height, width = (round(side * factor) for side in photograph_.shape[:2])
        if min(height, width) >= smallest_side:
            level = cv2.resize(photograph_, (width, height), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(level, np.uint8))
    return levels


class Photographs:
    """The clean pictures of a folder, kept in memory, to take random crops from.

    Args:
        folder: holds the pictures.
        patch: low-resolution pixels a side that will be asked for at most.

    Raises:
        InputError: no picture is there, one cannot be read, or none is large enough.
    """

    def __init__(self, folder: Path, patch: int) -> None:
        self._levels = load_photographs(folder, SCALE * patch + 2 * MARGIN)
        if not self._levels:
            raise InputError(f"no photograph in {folder} is large enough for patches of {patch}")
        areas = np.array([level.shape[0] * level.shape[1] for level in self._levels], np.float64)
        self._odds = np.sqrt(areas) / np.sqrt(areas).sum()

    def crop(self, size: int, rng: np.random.Generator) -> Array:
        """``(size, size, 3)`` in [0, 1] of a random place, turned and mirrored at random."""
        level = self._levels[rng.choice(len(self._levels), p=self._odds)]
        return crop(level, size, rng)


def read_phone_pairs(folder: Path, smallest_side: int = 1) -> list[tuple[Bytes, Bytes]]:
    """Reads pairs ``*_clean.*`` / ``*_noisy.*``.

    Args:
        folder: holds the pairs.
        smallest_side: what a pair must have at least.

    Returns:
        (clean, noisy), ``(H, W, 3)`` each, in the order of the names.

    Raises:
        InputError: a pair does not fit or is too small, a picture cannot be read, or there is none.
    """
    pairs = []
    for path in sorted(folder.glob("*_clean.*")):
        clean, noisy = read_rgb(path), read_rgb(path.with_name(path.name.replace("_clean.", "_noisy.")))
        if clean.shape != noisy.shape:
            raise InputError(f"{path.name} and its noisy twin differ in size: {clean.shape} and {noisy.shape}")
        if min(clean.shape[:2]) < smallest_side:
            raise InputError(f"{path.name} must have at least {smallest_side} pixels a side, has {clean.shape[:2]}")
        pairs.append((clean, noisy))
    if not pairs:
        raise InputError(f"no *_clean.* / *_noisy.* pairs in {folder}")
    return pairs


_FRAME_STEPS = {"phone_pairs": 1, "pairs": SCALE}  # frames sampled down already, and whole ones


def read_frames(root: Path, split: str, smallest_side: int = 1) -> list[tuple[Bytes, Bytes]]:
    """Reads real frames with their clean twins, at low resolution.

    Args:
        root: holds ``phone_pairs/SPLIT``, frames that are sampled down already, or ``pairs/SPLIT``, whole ones as
            ``training.make_pairs`` writes them, or both. Of a whole frame the middle samples are taken.
        split: "train" or "test".
        smallest_side: low-resolution pixels that a frame must have at least.

    Returns:
        (clean, noisy), ``(H, W, 3)`` each.

    Raises:
        InputError: as :func:`read_phone_pairs`, or neither folder is there.
    """
    pairs = []
    for folder, step in _frame_folders(root, split):
        for clean, noisy in read_phone_pairs(folder, step * smallest_side):
            pairs.append((clean[step // 2 :: step, step // 2 :: step], noisy[step // 2 :: step, step // 2 :: step]))
    if not pairs:
        folders = " nor ".join(str(root / name / split) for name in _FRAME_STEPS)
        raise InputError(f"no noisy frames with clean twins: neither {folders} is there")
    return pairs


def has_frames(root: Path, split: str) -> bool:
    """Whether :func:`read_frames` finds a folder."""
    return bool(_frame_folders(root, split))


def _frame_folders(root: Path, split: str) -> list[tuple[Path, int]]:
    """The folders that are there, and how many of their pixels make one at low resolution."""
    folders = [(root / name / split, step) for name, step in _FRAME_STEPS.items()]
    return [(folder, step) for folder, step in folders if folder.is_dir()]


def crop(image: Bytes, size: int, rng: np.random.Generator) -> Array:
    """A random place of a picture ``(H, W, C)``, turned and mirrored at random: ``(size, size, C)`` in [0, 1]."""
    y, x = (int(rng.integers(side - size + 1)) for side in image.shape[:2])
    image = np.rot90(image[y : y + size, x : x + size], int(rng.integers(4)))
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return np.asarray(image / np.float32(255), np.float32)


def soften_and_darken(clean: Array, rng: np.random.Generator) -> Array:
    """Makes a web-sized photograph ``(H, W, 3)`` more like what a phone takes before noise is added."""
    if rng.random() >= 0.3:  # photographs at full resolution are softer
        sigma = float(rng.uniform(0.4, 2.2))
        clean = np.asarray(cv2.GaussianBlur(clean, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)
    if rng.random() < 0.6:  # noise lives in the dark
        clean = clean * np.float32(rng.uniform(0.2, 1.0))
    return clean


def centred(clean: Array) -> Array:
    """Moves a picture by half a pixel, so that each of its samples ``[4i + 2]`` lies in the middle of its block.

    Args:
        clean: ``(H, W, 3)`` in [0, 1].

    Returns:
        The same shape, in [0, 1]; exact but for four pixels at the borders, which are mirrored.
    """
    return np.clip(as_array(shift_half_pixel(as_tensor(clean))), 0, 1)


def trim(image: Array, size: int) -> Array:
    """The middle ``(size, size, C)`` of a square picture."""
    margin = (image.shape[0] - size) // 2
    return image[margin : margin + size, margin : margin + size]


def as_tensor(image: Array) -> Tensor:
    """``(H, W, C)`` to ``(C, H, W)``."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def as_array(image: Tensor) -> Array:
    """``(C, H, W)`` to ``(H, W, C)``."""
    return np.asarray(image.permute(1, 2, 0).numpy(), np.float32)


def stack(images: list[Array], size: int) -> Tensor:  # -> (N, 3, size, size)
    """Makes a batch of pictures ``(size, size, 3)``, of none, too."""
    if not images:
        return torch.empty(0, 3, size, size)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
