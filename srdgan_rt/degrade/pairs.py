"""Training pairs from clean photographs (the paper's GMSR): their parameters, and functions that make them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from srdgan_rt.degrade.degrader import Degrader
from srdgan_rt.errors import ImageReadError, InputError
from srdgan_rt.image import Metadata, Picture, convert_depth, read_picture, shift_half_pixel
from srdgan_rt.image.alpha import flatten_on_white
from srdgan_rt.image.size_limit import DEFAULT_MAX_PIXELS
from srdgan_rt.pixels import Pixels

NoiseRange = tuple[float, float]
"""Smallest and largest noise level to draw from, log-uniformly; equal for a fixed one."""

_LEVEL_STREAM = (0, 1)  # random stream of a pair's seed; the degrader's streams are single numbers


@dataclass(frozen=True)
class PairPlan:
    """All parameters of a pair: equal plans make equal pairs.

    Args:
        name: name of the two files, without their folder and ``.png``.
        source: path of the photograph relative to its root folder, with forward slashes.
        source_sha256: sha256 of the photograph's file.
        seed: seed of this pair, see :func:`derive_seed`.
        noise_level: standard deviation of N for pictures in [0, 1].
        model: name of the high-to-low net.
        model_sha256: sha256 of its weights.
        treatment: parameters of the caller's ``prepare``, which processes the photograph first.
    """

    name: str
    source: str
    source_sha256: str
    seed: int
    noise_level: float
    model: str
    model_sha256: str
    treatment: Mapping[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Pair:
    """A finished pair on the centred grid: each LR pixel lies in the middle of its block of HR pixels.

    Args:
        high: the clean picture, ``(H, W, 3)`` RGB or ``(H, W)`` grey, uint8.
        low: the same picture, smaller by the scale and with camera noise.
    """

    high: Picture
    low: Picture


Prepare = Callable[[Pixels, PairPlan], Pixels | None]
"""``prepare(photograph, plan)`` gives the clean picture of a pair, or None where the photograph is not suitable.
Pictures are ``(H, W, 3)`` or ``(H, W)`` float32 in [0, 1]."""


def derive_seed(seed: int, name: str) -> int:
    """The seed of a pair: a hash, so that it depends on the pair's name and not on other pairs.

    Args:
        seed: seed of the whole set, at least 0.
        name: name of the pair.

    Raises:
        InputError: the seed is negative.
    """
    if seed < 0:
        raise InputError(f"seed must be at least 0, got {seed}")
    text = f"{seed}\0{name}".encode("utf-8", "surrogateescape")
    return (
        int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11
    )  # 53 bits, so that every JSON reader keeps it exactly


def draw_noise_level(degrader: Degrader, levels: NoiseRange | None, seed: int) -> float:
    """Draws the noise level of a pair.

    Args:
        degrader: its own levels are used where ``levels`` is None.
        levels: smallest and largest level, see :func:`check_noise_range`.
        seed: seed of the pair.
    """
    if levels is None:
        return degrader.draw_level(seed)
    low, high = levels
    if low == high:
        return low
    share = float(np.random.default_rng((seed, *_LEVEL_STREAM)).random())
    return float(low * (high / low) ** share)


def check_noise_range(low: float, high: float) -> NoiseRange:
    """Checks a range of noise levels, which are standard deviations for pictures in [0, 1].

    Raises:
        InputError: it is neither ``0 <= low == high <= 1`` nor ``0 < low < high <= 1``.
    """
    if not 0 <= low <= high <= 1 or low == 0 < high:
        got = f"{low:g}" if low == high else f"{low:g}:{high:g}"
        raise InputError(f"noise level must be a number from 0 to 1 or a range A:B with 0 < A <= B <= 1, got {got}")
    return low, high


def plan_pair(
    name: str,
    source: str,
    source_sha256: str,
    degrader: Degrader,
    *,
    seed: int,
    levels: NoiseRange | None = None,
    treatment: Mapping[str, float | bool] | None = None,
) -> PairPlan:
    """Makes the plan of a pair: derives its seed and draws its noise level.

    Args:
        name: name of the two files.
        source: path of the photograph relative to its root folder, with forward slashes.
        source_sha256: sha256 of the photograph's file.
        degrader: makes the low-resolution picture.
        seed: seed of the whole set, at least 0.
        levels: smallest and largest noise level; None for those of the degrader.
        treatment: see :class:`PairPlan`.

    Raises:
        InputError: the seed is negative.
    """
    own_seed = derive_seed(seed, name)
    return PairPlan(
        name=name,
        source=source,
        source_sha256=source_sha256,
        seed=own_seed,
        noise_level=draw_noise_level(degrader, levels, own_seed),
        model=degrader.name,
        model_sha256=degrader.digest,
        treatment=treatment or {},
    )


def hash_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal.

    Raises:
        ImageReadError: it cannot be read, or is no regular file: a device may never end.
    """
    if path.exists() and not path.is_file():
        raise ImageReadError(f"{path}: not a regular file")
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ImageReadError(f"{path}: {error.strerror}") from error
    return digest.hexdigest()


def make_pairs(
    path: Path,
    plans: Sequence[PairPlan],
    degrader: Degrader,
    *,
    prepare: Prepare | None = None,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
    begin: Callable[[int], None] | None = None,
) -> Iterator[tuple[PairPlan, Pair]]:
    """Makes the pairs of one photograph, which is read once.

    Args:
        path: the photograph; transparent parts are put on white.
        plans: plans of its pairs.
        degrader: makes the low-resolution pictures.
        prepare: makes the clean picture of a pair from the photograph; None uses the photograph itself.
        max_pixels: largest photograph; None sets no limit.
        progress: called as ``progress(done, total)`` in pixels of the LR picture of each pair.
        begin: called with the number of HR pixels before a pair is made.

    Yields:
        Each plan with its pair, except where ``prepare`` gives None.

    Raises:
        ImageReadError: the photograph cannot be read.
        InputError: it is smaller than one low-resolution pixel.
    """
    picture = read_picture(path, max_pixels=max_pixels)
    pixels = picture.pixels
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels, _ = flatten_on_white(pixels)
    photograph = convert_depth(pixels, np.float32)
    metadata = Metadata(icc=picture.metadata.icc, png_colour=picture.metadata.png_colour)
    for plan in plans:
        clean = photograph if prepare is None else prepare(photograph, plan)
        if clean is None:
            continue
        if begin is not None:
            begin(clean.shape[0] * clean.shape[1])
        high, low = pair_up(clean, degrader, plan.noise_level, plan.seed, progress)
        yield plan, Pair(Picture(high, metadata), Picture(low, metadata))


def pair_up(
    clean: Pixels,
    degrader: Degrader,
    noise_level: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Pixels, Pixels]:
    """Degrades a clean picture, and moves it so that the two are aligned.

    LR pixel i is taken around HR pixel 4i + 2, half a pixel from the middle of its 4x4 block, where every upscaler
    assumes it. HR is therefore the picture moved by half a pixel, see
    :func:`srdgan_rt.image.resample.shift_half_pixel`.

    Args:
        clean: ``(H, W, 3)`` RGB or ``(H, W)`` grey, float32 in [0, 1].
        degrader: makes the low-resolution picture.
        noise_level: standard deviation of N.
        seed: seed of N.
        progress: called as ``progress(done, total)``.

    Returns:
        HR, cropped to multiples of the scale at the right and the bottom, and LR; uint8.

    Raises:
        InputError: the picture is smaller than one low-resolution pixel.
    """
    low = degrader.degrade(clean, noise_level=noise_level, seed=seed, progress=progress)
    high = clean
    if degrader.scale > 1:  # at a scale of 1 nothing has to be moved
        planes = torch.from_numpy(clean.reshape(*clean.shape[:2], -1)).permute(2, 0, 1)  # (C, H, W)
        high = shift_half_pixel(planes).permute(1, 2, 0).numpy().reshape(clean.shape)
    height, width = (side * degrader.scale for side in low.shape[:2])
    return convert_depth(high[:height, :width], np.uint8), convert_depth(low, np.uint8)
