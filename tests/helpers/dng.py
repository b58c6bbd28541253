"""Writes small DNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

_XYZ_TO_LINEAR_SRGB = (32405, -15372, -4985, -9693, 18760, 416, 556, -2040, 10572)  # times 10,000


def write_dng(path: Path, mosaic: np.ndarray, *tags: tuple, orientation: int = 1, black: int = 0) -> None:
    """Writes a Bayer picture of a camera whose colours are those of linear sRGB.

    Args:
        path: the file.
        mosaic: ``(H, W)`` uint16; rows of red and green samples, then of green and blue ones; white is 65535.
        tags: further tags as tifffile takes them: number, type, count, value, and True.
        orientation: EXIF's.
        black: the sample of black.
    """
    rational = [number for value in _XYZ_TO_LINEAR_SRGB for number in (value, 10000)]
    known = [
        (271, 2, 6, "Maker", True),
        (272, 2, 8, "Phone 1", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50707, 1, 4, bytes([1, 1, 0, 0]), True),
        (50708, 2, 14, "Maker Phone 1", True),
        (50714, 4, 1, black, True),
        (50717, 4, 1, 65535, True),
        (50721, 10, 9, rational, True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=[*known, *tags], software=False, metadata=None)
