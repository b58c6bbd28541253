"""All that a page shows of one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.compare.embed import embed_picture
from srdgan_rt.compare.histogram import Histogram, measure_histograms
from srdgan_rt.compare.metadata import Group, describe_metadata
from srdgan_rt.compare.region import Part, find_part
from srdgan_rt.compare.scores import scored_luma
from srdgan_rt.errors import ImageReadError, InputError
from srdgan_rt.image import Picture, read_picture
from srdgan_rt.pixels import Pixels
from srdgan_rt.tiling import Box

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
        part: the region that is shown; None for the whole picture.
        format: "JPEG", "PNG", ...
        kind: channels and depth: "RGB, 8 bits".
        num_bytes: size of the file.
        histograms: one for each channel but alpha, of what is shown.
        metadata: EXIF and the like, as text; empty where they are left out.
        notes: what was lost or decided, one line each.
        luma: ``(rows, columns)`` of what is shown, the channel that is scored; None where it is shown reduced.
    """

    name: str
    url: str
    width: int
    height: int
    part: Part | None
    format: str
    kind: str
    num_bytes: int
    histograms: tuple[Histogram, ...]
    metadata: tuple[Group, ...]
    notes: tuple[str, ...]
    luma: NDArray[np.float32] | None


def make_entry(
    path: Path,
    name: str,
    *,
    max_pixels: int | None,
    shown_pixels: int,
    with_metadata: bool,
    roi: tuple[int, int, int, int] | None = None,
    frame: tuple[int, int] | None = None,
) -> Entry:
    """Reads a picture and collects all that a page shows of it.

    Args:
        path: any file that :func:`srdgan_rt.image.read_picture` reads.
        name: what the page calls it.
        max_pixels: see :func:`srdgan_rt.image.read_picture`.
        shown_pixels: what has more pixels is shown reduced, and not scored.
        with_metadata: whether the page may hold the picture's metadata.
        roi: ``(x, y, width, height)`` of the region to show, in pixels of a picture of the size ``frame``; None for
            the whole picture.
        frame: height and width; None for those of this picture.

    Raises:
        ImageReadError: the file cannot be read.
        InputError: ``roi`` does not fit.
    """
    picture = read_picture(path, max_pixels=max_pixels)
    height, width = picture.pixels.shape[:2]
    part = None
    if roi is not None:
        try:
            part = find_part(roi, frame or (height, width), (height, width))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        picture = _cut(picture, part.box)
    try:
        embedded = embed_picture(path, picture, shown_pixels, keep_file=with_metadata and part is None)
        num_bytes = path.stat().st_size
    except OSError as error:  # it was removed meanwhile
        raise ImageReadError(f"{path}: {error.strerror or error}") from error
    rows, columns = picture.pixels.shape[:2]
    return Entry(
        name,
        embedded.url,
        width,
        height,
        part,
        _FORMATS.get(picture.format, picture.format.upper()),
        _describe_kind(picture.pixels),
        num_bytes,
        tuple(measure_histograms(picture.pixels)),
        tuple(describe_metadata(picture.metadata)) if with_metadata else (),
        (*picture.notes, *embedded.notes),
        scored_luma(picture.pixels) if rows * columns <= shown_pixels else None,
    )


def _cut(picture: Picture, box: Box) -> Picture:
    """The pixels of a box alone, copied so that those of the whole picture can be freed."""
    return replace(picture, pixels=picture.pixels[box.y : box.bottom, box.x : box.right].copy())


def _describe_kind(pixels: Pixels) -> str:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    return f"{_LAYOUTS[channels]}, {_DEPTHS[pixels.dtype.name]}"
