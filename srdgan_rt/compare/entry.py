"""All that a page shows of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.compare.embed import embed_picture
from srdgan_rt.compare.histogram import Histogram, measure_histograms
from srdgan_rt.compare.metadata import Group, describe_metadata
from srdgan_rt.compare.scores import scored_luma
from srdgan_rt.errors import ImageReadError
from srdgan_rt.image import read_picture
from srdgan_rt.pixels import Pixels

_FORMATS = {"webp": "WebP", "raw": "camera raw"}
_LAYOUTS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}


@dataclass(frozen=True, eq=False)
class Entry:
    """One picture of a page.

    Attributes:
        name: what the page calls it.
        url: the picture itself, "data:image/...;base64,...".
        width: columns of the upright picture.
        height: rows.
        format: "JPEG", "PNG", ...
        kind: channels and depth: "RGB, 8 bits".
        num_bytes: size of the file.
        histograms: one for each channel but alpha.
        metadata: EXIF and the like, as text; empty where they are left out.
        notes: what was lost or decided, one line each.
        luma: ``(height, width)``, the channel that is scored; None for a picture that is shown reduced.
    """

    name: str
    url: str
    width: int
    height: int
    format: str
    kind: str
    num_bytes: int
    histograms: tuple[Histogram, ...]
    metadata: tuple[Group, ...]
    notes: tuple[str, ...]
    luma: NDArray[np.float32] | None


def make_entry(path: Path, name: str, *, max_pixels: int | None, shown_pixels: int, with_metadata: bool) -> Entry:
    """Reads a picture and collects all that a page shows of it.

    Args:
        path: any file that :func:`srdgan_rt.image.read_picture` reads.
        name: what the page calls it.
        max_pixels: see :func:`srdgan_rt.image.read_picture`.
        shown_pixels: a picture with more pixels is shown reduced, and not scored.
        with_metadata: whether the page may hold the picture's metadata.

    Raises:
        ImageReadError: the file cannot be read.
    """
    picture = read_picture(path, max_pixels=max_pixels)
    height, width = picture.pixels.shape[:2]
    try:
        embedded = embed_picture(path, picture, shown_pixels, keep_file=with_metadata)
        num_bytes = path.stat().st_size
    except OSError as error:  # it was removed meanwhile
        raise ImageReadError(f"{path}: {error.strerror or error}") from error
    is_scored = height * width <= shown_pixels
    return Entry(
        name,
        embedded.url,
        width,
        height,
        _FORMATS.get(picture.format, picture.format.upper()),
        _describe_kind(picture.pixels),
        num_bytes,
        tuple(measure_histograms(picture.pixels)),
        tuple(describe_metadata(picture.metadata)) if with_metadata else (),
        (*picture.notes, *embedded.notes),
        scored_luma(picture.pixels) if is_scored else None,
    )


def _describe_kind(pixels: Pixels) -> str:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    return f"{_LAYOUTS[channels]}, {_DEPTHS[pixels.dtype.name]}"
