"""The noise that a DNG file states in its tag NoiseProfile, as it appears in the developed picture."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.image.metadata.ifd import (
    DamagedTagsError,
    iterate_directories,
    iterate_entries,
    map_file,
    read_doubles,
    read_header,
)
from srdgan_rt.image.raw import develop
from srdgan_rt.pixels import Pixels, white_level

_NOISE_PROFILE = 51041
_PLANES = "RGB"  # order of the numbers in the tag
_MIN_PIXELS = 64
_NUM_ROWS = 256  # worked on at a time


def measure_stated_noise(path: Path, developed: Pixels) -> float | None:
    """Measures the noise of a DNG file's developed picture, from what the file says of its sensor.

    The tag gives the variance of the sensor's samples. Random noise of this variance is added to them, and they are
    developed again. The difference shows what white balance, demosaicing, colour conversion and tone curve make of the
    noise.

    Args:
        path: a DNG file that can be read; rawpy must be installed.
        developed: its pixels, from :func:`srdgan_rt.image.read_picture`.

    Returns:
        Root mean square over pixels and channels, for values in [0, 1]; None where the file has no such tag, where it
        has no mosaic of red, green and blue samples, or where too few pixels are neither black nor white.
    """
    profile = _read_profile(path)
    if profile is None:
        return None
    rawpy = importlib.import_module("rawpy")
    with rawpy.imread(str(path)) as raw:
        colours = raw.color_desc.decode("latin-1")
        if raw.raw_type != rawpy.RawType.Flat or not set(colours) <= set(_PLANES):
            return None
        _add_noise(raw, np.array([profile[_PLANES.index(colour)] for colour in colours]))
        return _measure_difference(developed, develop(raw, rawpy))


def _read_profile(path: Path) -> list[tuple[float, float]] | None:
    """Slope and offset for red, green and blue: the variance of a sample of value v in [0, 1] is slope * v + offset."""
    try:
        with map_file(path) as data:
            layout, first = read_header(data)
            for ifd in iterate_directories(data, layout, first):
                for entry in iterate_entries(data, layout, ifd):
                    if entry.tag == _NOISE_PROFILE:
                        return _pair(read_doubles(data, layout, entry))
    except DamagedTagsError:
        pass
    return None


def _pair(numbers: tuple[float, ...]) -> list[tuple[float, float]] | None:
    if len(numbers) not in (2, 2 * len(_PLANES)) or not all(math.isfinite(n) and n >= 0 for n in numbers):
        return None
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return pairs if len(pairs) == len(_PLANES) else pairs * len(_PLANES)


def _add_noise(raw: Any, profile: NDArray[np.float64]) -> None:
    """Adds noise to the samples of an opened raw file.

    Args:
        raw: from rawpy.
        profile: ``(4, 2)``, slope and offset of each colour of the mosaic.
    """
    numbers = np.random.default_rng(0)
    blacks = np.array(raw.black_level_per_channel, np.float64)
    for top in range(0, len(raw.raw_image), _NUM_ROWS):
        samples = raw.raw_image[top : top + _NUM_ROWS]
        colours = raw.raw_colors[top : top + _NUM_ROWS]
        black, (slope, offset) = blacks[colours], np.moveaxis(profile[colours], -1, 0)
        span = np.maximum(raw.white_level - black, 1)
        values = np.clip((samples - black) / span, 0, 1)
        noise = numbers.standard_normal(samples.shape) * np.sqrt(slope * values + offset) * span
        samples[:] = np.clip(np.rint(samples + noise), 0, white_level(samples.dtype))


def _measure_difference(plain: Pixels, noisy: Pixels) -> float | None:
    """Root mean square where no channel is clipped."""
    white = white_level(plain.dtype)
    total, count = 0.0, 0
    for top in range(0, len(plain), _NUM_ROWS):
        one, other = plain[top : top + _NUM_ROWS], noisy[top : top + _NUM_ROWS]
        is_clipped = ((one == 0) | (one == white)).any(-1)
        difference = (other.astype(np.float64) - one)[~is_clipped]
        total += float(np.sum(difference**2))
        count += difference.size
    return math.sqrt(total / count) / white if count >= _MIN_PIXELS * plain.shape[2] else None
