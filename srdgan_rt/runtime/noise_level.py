"""Measures the noise of one picture without a clean copy, and how much denoising it calls for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.checks import is_number
from srdgan_rt.errors import InputError
from srdgan_rt.pixels import Pixels, white_level
from srdgan_rt.runtime.pixels import read_colour

_BLOCK = 4  # pixels a side; in larger blocks a small picture has no flat one
_FLAT_SHARE = 0.02  # of the blocks of one brightness: these are taken to be flat
_FLAT_SHARE_QUANTILE = -2.054  # of the normal distribution
_NUM_GROUPS = 8  # of brightness, because the noise of a sensor grows with it
_MIN_GROUP = 64  # blocks
_MAX_BLOCKS = 1 << 17  # spread over a large picture; more take time and change nothing
_CLEAN, _NOISY = 1 / 255, 3 / 255  # up to the first nothing is removed, from the second on everything


def check_denoise(denoise: float | str) -> float | None:
    """Checks a strength of denoising.

    Returns:
        The strength; None for ``"auto"``.

    Raises:
        InputError: it is neither a number in 0..1 nor ``"auto"``.
    """
    if denoise == "auto":
        return None
    if not is_number(denoise) or not 0 <= denoise <= 1:
        raise InputError(f"denoise must be 0..1 or 'auto', got {denoise!r}")
    return float(denoise)


def choose_denoise(picture: Pixels) -> tuple[float, float | None]:
    """The strength of denoising that a picture calls for.

    Args:
        picture: as :meth:`srdgan_rt.Upscaler.upscale` takes it.

    Returns:
        The strength, 0..1; and the noise that was measured, see :func:`measure_noise_level`. Where it cannot be
        measured, the strength is 1.
    """
    level = measure_noise_level(read_colour(picture)[0])
    return 1.0 if level is None else denoise_of(level), level


def denoise_of(level: float) -> float:
    """The strength of denoising, 0..1, that a noise level calls for.

    Args:
        level: root mean square of the noise, for values in [0, 1].
    """
    return float(np.clip((level - _CLEAN) / (_NOISY - _CLEAN), 0, 1))


def measure_noise_level(colour: Pixels) -> float | None:
    """Standard deviation of the noise, from the flattest blocks of each brightness.

    In a block of 4x4 pixels, whatever is left after the best plane is subtracted is noise or texture. Among blocks of
    one brightness the flattest are taken to have no texture; what is expected of the flattest ones by chance is
    divided out. Blocks with clipped pixels are left out, because clipping hides noise. In a picture without any flat
    part, texture is mistaken for noise.

    Args:
        colour: ``(H, W, 1)`` grey or ``(H, W, 3)`` RGB; uint8, uint16, or float32 in [0, 1].

    Returns:
        The noise for values in [0, 1], root mean square over brightnesses and channels; None where there are too few
        blocks without clipped pixels.
    """
    white = white_level(colour.dtype)
    blocks = _cut_blocks(colour)
    is_clipped = ((blocks == 0) | (blocks == white)).any((1, 2))
    values = blocks[~is_clipped].astype(np.float64) / white
    if len(values) < _MIN_GROUP:
        return None
    freedom = (_BLOCK**2 - 3) * values.shape[2]  # a plane has three numbers
    variance = _sum_squares_off_plane(values) / freedom
    by_brightness = variance[np.argsort(values.mean((1, 2)), kind="stable")]
    groups = np.array_split(by_brightness, min(_NUM_GROUPS, len(values) // _MIN_GROUP))
    flat = np.mean([np.quantile(group, _FLAT_SHARE) for group in groups])
    # Quantile of the mean of squares of that many normal numbers, after Wilson and Hilferty.
    spread = 2 / (9 * freedom)
    return float(np.sqrt(flat / (1 - spread + _FLAT_SHARE_QUANTILE * np.sqrt(spread)) ** 3))


def _cut_blocks(colour: Pixels) -> NDArray[Any]:
    """Blocks without overlap, ``(N, 16, C)``; of large pictures only some, evenly spread."""
    rows, columns = (side // _BLOCK for side in colour.shape[:2])
    step = max(1, int(np.ceil(np.sqrt(rows * columns / _MAX_BLOCKS))))
    blocks = colour[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK, colour.shape[2])
    return np.asarray(blocks[::step, :, ::step].swapaxes(1, 2).reshape(-1, _BLOCK**2, colour.shape[2]))


def _sum_squares_off_plane(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For blocks ``(N, 16, C)``: the sum of squares that is left when the best plane of each channel is subtracted."""
    axis = np.arange(_BLOCK) - (_BLOCK - 1) / 2
    axis /= np.sqrt(_BLOCK * np.sum(axis**2))
    basis = np.stack([np.full(_BLOCK**2, 1 / _BLOCK), np.repeat(axis, _BLOCK), np.tile(axis, _BLOCK)])  # orthonormal
    planes = np.einsum("pq,nqc->npc", basis.T @ basis, values)
    return np.asarray(np.sum((values - planes) ** 2, (1, 2)), np.float64)
