"""BMP and GIF, through Pillow: 8 bits and a palette; metadata in ``bitmap_metadata``."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile

from srdgan_rt.image.bitmap_metadata import read_bmp_metadata, read_gif_metadata
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Picture
from srdgan_rt.image.size_limit import SizeCheck


def read_bmp(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a BMP file; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    file = BmpImageFile(io.BytesIO(data))
    check_size(file.height, file.width)
    mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(file.mode, "RGB")
    dpi = file.info.get("dpi")
    metadata, notes = read_bmp_metadata(data)
    metadata = replace(metadata, dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None)
    return make_upright(Picture(np.array(file.convert(mode)), metadata, "bmp", tuple(notes)))


def read_gif(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the first frame of a GIF file; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    file = GifImageFile(io.BytesIO(data))
    check_size(file.height, file.width)
    mode = "RGBA" if "transparency" in file.info else {"L": "L"}.get(file.mode, "RGB")
    pixels = np.array(file.convert(mode))
    num_frames = file.n_frames
    metadata, notes = read_gif_metadata(data)
    if num_frames > 1:
        notes.append(f"animated: first of {num_frames} frames")
    return make_upright(Picture(pixels, metadata, "gif", tuple(notes)))
