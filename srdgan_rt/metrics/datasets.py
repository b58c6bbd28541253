"""Data sets for evaluation, recognised by the names of their files and folders.

=========================================  ====================================================================
names                                      meaning
=========================================  ====================================================================
``HR/`` and, if it is there, ``LRx4/``     ordinary pictures; a missing LR is made by MATLAB's bicubic
``*_clean.*`` beside ``*_noisy.*``         real noise: a clean and a noisy photograph of one scene, pixel by pixel
``*_mean.*`` beside ``*_real.*``           the same; data sets made from camera bursts use these names
=========================================  ====================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.image import READABLE_EXTENSIONS, read_picture, take_samples
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.metrics.bicubic import downsample_bicubic
from srdgan_rt.metrics.planes import to_pixels, to_planes
from srdgan_rt.metrics.protocol import BENCHMARK, FULL_RESOLUTION, REAL_NOISE, SCALE, Protocol

PairReader = Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8]]]

_PARTNERS = {"clean": "noisy", "mean": "real"}
_PAIR_STEM = re.compile(rf"(?P<name>.+)_(?P<role>{'|'.join((*_PARTNERS, *_PARTNERS.values()))})")


@dataclass(frozen=True)
class Sample:
    """One picture of a data set, ready to be enlarged and scored; RGB, or grey without a channel axis."""

    low: NDArray[np.uint8]
    """Input of the method: ``(H, W, 3)`` or ``(H, W)``."""
    low_clean: NDArray[np.uint8]
    """The input without noise; the same array as ``low`` where the data set has no noise."""
    reference: NDArray[np.float64]
    """Ground truth: ``(4H, 4W, 3)`` or ``(4H, 4W)``, values in 0..255, not rounded. Where the protocol averages blocks,
    that of the block means: ``(H, W, 3)`` or ``(H, W)``."""


@dataclass(frozen=True)
class DataSet:
    """A data set; its pictures are read one at a time."""

    name: str
    protocol: Protocol
    samples: Mapping[str, Callable[[], Sample]]
    """Name of each picture and the function that reads it; raises ImageReadError or InputError."""


def open_data_set(folder: str | os.PathLike[str], *, full_resolution: bool = False) -> DataSet:
    """Recognises a data set without reading its pictures.

    Args:
        folder: see the table at the head of this module.
        full_resolution: the whole noisy picture of a pair is the input (:data:`FULL_RESOLUTION`), not samples of it.

    Returns:
        The data set, its pictures in the order of their names.

    Raises:
        InputError: there is no such folder, it is no data set, or ``full_resolution`` is set and it has no pairs.
    """
    if full_resolution:
        name, pairs = open_pairs(folder)
        return DataSet(name, FULL_RESOLUTION, {name: partial(_read_whole_sample, read) for name, read in pairs.items()})
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    name = folder.resolve().name
    if (folder / "HR").is_dir():
        samples = _find_benchmark(folder)
        protocol = BENCHMARK
    else:
        samples = {name: partial(_read_noise_sample, roles) for name, roles in _find_pairs(folder).items()}
        protocol = REAL_NOISE
    if not samples:
        raise InputError(f"{folder}: must hold pictures in HR/ (and LRx{SCALE}/) or pairs {_describe_pairs()}")
    return DataSet(name, protocol, samples)


def open_pairs(folder: str | os.PathLike[str]) -> tuple[str, Mapping[str, PairReader]]:
    """Recognises a data set of real noise without reading its pictures.

    Args:
        folder: holds pairs, see the table at the head of this module.

    Returns:
        Name of the data set; name of each picture and the function that reads it as (clean, noisy), of one shape,
        ``(H, W, 3)`` or ``(H, W)``, 8 bits. It raises ImageReadError or InputError.

    Raises:
        InputError: there is no such folder, or it has no pairs.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    pairs = {name: partial(_read_pair, roles) for name, roles in _find_pairs(folder).items()}
    if not pairs:
        raise InputError(f"{folder}: must hold pairs {_describe_pairs()}")
    return folder.resolve().name, pairs


def make_noise_sample(clean: NDArray[np.uint8], noisy: NDArray[np.uint8]) -> Sample:
    """Makes the sample of a pair by the protocol for real noise.

    Args:
        clean: ``(H, W, 3)`` or ``(H, W)``; cropped to multiples of 4.
        noisy: same shape, the same scene pixel by pixel; cropped likewise.

    Returns:
        ``low`` is ``noisy[4i + 2]`` on both axes; the reference is the clean photograph shifted by half a pixel, so
        that each low-resolution sample lies exactly in the middle of its 4x4 block; clipped, not rounded.

    Raises:
        InputError: the shapes differ.
    """
    if clean.shape != noisy.shape:
        raise InputError(f"clean and noisy must be of one shape, got {clean.shape} and {noisy.shape}")
    clean, noisy = _crop_to_multiple(clean), _crop_to_multiple(noisy)
    shifted = shift_half_pixel(to_planes(clean)).clamp(0, 255)
    return Sample(
        low=np.ascontiguousarray(take_samples(noisy, SCALE)),
        low_clean=np.ascontiguousarray(take_samples(clean, SCALE)),
        reference=to_pixels(shifted),
    )


def _find_benchmark(folder: Path) -> dict[str, Callable[[], Sample]]:
    low_folder = folder / f"LRx{SCALE}"
    low_paths = {path.stem: path for path in _list_pictures(low_folder)} if low_folder.is_dir() else None
    samples: dict[str, Callable[[], Sample]] = {}
    for path in _list_pictures(folder / "HR"):
        # For a missing file the expected name; reading it raises the error.
        low_path = None if low_paths is None else low_paths.get(path.stem, low_folder / path.name)
        if path.stem in samples:
            raise InputError(f"{folder / 'HR'}: two pictures are called {path.stem}")
        samples[path.stem] = partial(_read_benchmark_sample, path, low_path)
    return samples


def _find_pairs(folder: Path) -> dict[str, dict[str, Path]]:
    """Maps the name of each picture to its file for each role."""
    found: dict[str, dict[str, Path]] = {}
    for path in _list_pictures(folder):
        if match := _PAIR_STEM.fullmatch(path.stem):
            roles = found.setdefault(match["name"], {})
            if match["role"] in roles:
                raise InputError(f"{folder}: two pictures are called {path.stem}")
            roles[match["role"]] = path
    return found


def _read_benchmark_sample(high_path: Path, low_path: Path | None) -> Sample:
    high = _crop_to_multiple(_read_8bit(high_path))
    low = downsample_bicubic(high) if low_path is None else _read_8bit(low_path)
    if (low.shape[0] * SCALE, low.shape[1] * SCALE, *low.shape[2:]) != high.shape:
        raise InputError(f"{low_path}: must be a quarter of {high.shape} in {high_path.parent.name}/, got {low.shape}")
    return Sample(low, low, high.astype(np.float64))


def _read_noise_sample(roles: Mapping[str, Path]) -> Sample:
    return make_noise_sample(*_read_pair(roles))


def _read_whole_sample(read_pair: PairReader) -> Sample:
    clean, noisy = read_pair()
    return Sample(low=noisy, low_clean=clean, reference=clean.astype(np.float64))


def _read_pair(roles: Mapping[str, Path]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    for clean_role, noisy_role in _PARTNERS.items():
        if clean_role in roles and noisy_role in roles:
            clean, noisy = _read_8bit(roles[clean_role]), _read_8bit(roles[noisy_role])
            if clean.shape != noisy.shape:
                raise InputError(
                    f"{roles[noisy_role]}: must be of shape {clean.shape} as its partner, got {noisy.shape}"
                )
            return clean, noisy
    raise InputError(f"{next(iter(roles.values()))}: has no partner; pairs are {_describe_pairs()}")


def _describe_pairs() -> str:
    return " or ".join(f"*_{clean} and *_{noisy}" for clean, noisy in _PARTNERS.items())


def _list_pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READABLE_EXTENSIONS and path.is_file())


def _read_8bit(path: Path) -> NDArray[np.uint8]:
    """Reads a picture without its alpha channel."""
    pixels: NDArray[Any] = read_picture(path).pixels
    if pixels.dtype != np.uint8:
        raise InputError(f"{path}: pictures are scored at 8 bits, got {pixels.dtype}")
    if pixels.ndim == 3:
        pixels = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
    return np.ascontiguousarray(pixels)


def _crop_to_multiple(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = (side // SCALE * SCALE for side in picture.shape[:2])
    if not height or not width:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise InputError(f"pictures that are scored must have at least {SCALE} pixels a side, got {size}")
    return picture[:height, :width]
