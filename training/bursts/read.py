"""Reads a burst: a folder with the frames of one scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from srdgan_rt.errors import InputError
from srdgan_rt.image import convert_depth, find_pictures, read_picture

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Burst:
    """The frames of one scene.

    Attributes:
        frames: ``(H, W, 3)`` RGB each, upright, of one size.
        icc: the colour profile of the first frame, None if it has none.
    """

    frames: list[Bytes]
    icc: bytes | None


def find_scenes(folder: Path) -> list[Path]:
    """The subfolders of a folder of bursts, sorted by name, hidden ones left out; InputError when there are none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    scenes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not scenes:
        raise InputError(f"{folder}: must hold one subfolder for each scene")
    return scenes


def find_frames(scene: Path) -> list[Path]:
    """The pictures of a scene, sorted as people count."""
    return [found.path for found in find_pictures([scene]) if found.error is None]


def read_burst(paths: list[Path]) -> Burst:
    """Reads the frames of a scene.

    Raises:
        ImageReadError: a file cannot be read.
        InputError: the frames are of different sizes.
    """
    frames: list[Bytes] = []
    icc = None
    for path in paths:
        picture = read_picture(path)
        frames.append(_to_rgb(convert_depth(picture.pixels, np.uint8)))
        if frames[-1].shape != frames[0].shape:
            (height, width), (first_height, first_width) = frames[-1].shape[:2], frames[0].shape[:2]
            raise InputError(
                f"{path.name}: must be of {first_width} x {first_height} pixels as the first frame, "
                f"got {width} x {height}"
            )
        if path == paths[0]:
            icc = picture.metadata.icc if picture.pixels.ndim == 3 and picture.pixels.shape[2] > 2 else None
    return Burst(frames, icc)


def _to_rgb(pixels: npt.NDArray[np.generic]) -> Bytes:
    """Repeats grey and drops alpha."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    colours = pixels[..., :1].repeat(3, -1) if pixels.shape[2] < 3 else pixels[..., :3]
    return np.ascontiguousarray(colours, np.uint8)
