"""Protection against decompression bombs: the size in the header is checked before any pixel is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from srdgan_rt.errors import ImageTooLargeError, InputError

DEFAULT_MAX_PIXELS = 1 << 28  # 268 megapixels; the largest phone sensors have 200

_SAMPLES_PER_PIXEL = 4  # RGBA; more channels count as more pixels


class SizeCheck(Protocol):
    """Raises :class:`ImageTooLargeError` where a picture's declared size is above the limit."""

    def __call__(self, height: int, width: int, channels: int = 1) -> None: ...


def limit_size(path: Path, max_pixels: int | None) -> SizeCheck:
    """Makes a function that compares the size in a file's header with a limit.

    Args:
        path: named in the error.
        max_pixels: the limit in pixels, at least 1; None for no limit. It limits memory, so a pixel of more than four
            channels counts as channels / 4 pixels.

    Raises:
        InputError: the limit is below 1.
    """
    if max_pixels is not None and max_pixels < 1:
        raise InputError(f"max_pixels must be at least 1 or None, got {max_pixels}")

    def check(height: int, width: int, channels: int = 1) -> None:
        if height < 1 or width < 1 or channels < 1:
            raise ValueError(f"the header declares {width} x {height} pixels of {channels} channels")
        if max_pixels is None:
            return
        num_pixels = height * width
        size = f"{width} x {height} = {num_pixels:,} pixels"
        if num_pixels <= max_pixels < num_pixels * channels / _SAMPLES_PER_PIXEL:
            num_pixels = -(-num_pixels * channels // _SAMPLES_PER_PIXEL)
            size = f"{width} x {height} pixels of {channels} channels, as much as {num_pixels:,} pixels of 4,"
        if num_pixels > max_pixels:
            raise ImageTooLargeError(f"{path}: {size} are more than the limit of {max_pixels:,} (max_pixels)")

    return check
