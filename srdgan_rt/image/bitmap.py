"""BMP and GIF, through Pillow: 8 bits and a palette, nothing more to keep than resolution and comment."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile

from srdgan_rt.image.picture import Metadata, Picture, Text
from srdgan_rt.image.size_limit import SizeCheck


def read_bmp(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes a BMP file; see :func:`srdgan_rt.image.read_picture`."""
    file = BmpImageFile(io.BytesIO(path.read_bytes()))
    check_size(file.height, file.width)
    mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(file.mode, "RGB")
    dpi = file.info.get("dpi")
    metadata = Metadata(dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None)
    return Picture(np.array(file.convert(mode)), metadata, "bmp")


def read_gif(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the first frame of a GIF file; see :func:`srdgan_rt.image.read_picture`."""
    file = GifImageFile(io.BytesIO(path.read_bytes()))
    check_size(file.height, file.width)
    mode = "RGBA" if "transparency" in file.info else {"L": "L"}.get(file.mode, "RGB")
    pixels = np.array(file.convert(mode))
    num_frames = file.n_frames
    notes = (f"animated: first of {num_frames} frames",) if num_frames > 1 else ()
    comment = file.info.get("comment", b"")
    texts = (Text("Comment", comment.decode("utf-8", "replace")),) if comment else ()
    return Picture(pixels, Metadata(texts=texts), "gif", notes)
