"""Which page of a TIFF file is the picture: the first one, unless that is a smaller copy of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.ifd import iterate_directories, map_file, read_header
from srdgan_rt.image.picture import Pixels
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff_pixels import decode_page

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
_NO_PICTURES = (PHOTOMETRIC.MASK, PHOTOMETRIC.DEPTH_MAP)
_MAX_COMPARED = 3
_MIN_CORRELATION = 0.9


def choose_page(file: TiffFile, check_size: SizeCheck) -> tuple[TiffPage, int, int]:
    """The page to decode.

    Where the first page says that it is a reduced copy, the largest page that does not say so, SubIFDs included.
    Otherwise the first page, or one that shows the same in more pixels.

    Args:
        file: the TIFF file.
        check_size: the limit of sizes, for pages that have to be compared.

    Returns:
        The page, its index among all pages, and their number.
    """
    pages = _open_pages(file)
    candidates = [page for page in pages if not _is_mask(page)] or pages
    first = candidates[0]
    larger = sorted((p for p in candidates if _count_pixels(p) > _count_pixels(first)), key=_count_pixels, reverse=True)
    if _is_reduced(first):
        full = [page for page in candidates if not _is_reduced(page)]
        chosen = max(full or candidates, key=_count_pixels)
    else:
        similar = [page for page in larger if _has_shape_of(page, first)][:_MAX_COMPARED]
        chosen = next((page for page in similar if _shows_the_same(page, first, check_size)), first)
    return chosen, pages.index(chosen), len(pages)


def _open_pages(file: TiffFile) -> list[TiffPage]:
    with map_file(Path(file.filehandle.path)) as data:
        layout, first = read_header(data)
        offsets = list(iterate_directories(data, layout, first))
    pages = []
    for index, offset in enumerate(offsets):
        file.filehandle.seek(offset)
        try:
            pages.append(TiffPage(file, index))
        except ValueError:
            if index == 0:
                raise  # of a damaged file; a page further on may be what another program keeps for itself
    return pages


def _count_pixels(page: TiffPage) -> int:
    return int(page.imagelength * page.imagewidth)


def _is_reduced(page: TiffPage) -> bool:
    return bool(page.subfiletype & _REDUCED) or page.tags.valueof(_OLD_SUBFILE_TYPE) == _OLD_REDUCED


def _is_mask(page: TiffPage) -> bool:
    return bool(page.subfiletype & _MASK) or page.photometric in _NO_PICTURES or not _count_pixels(page)


def _has_shape_of(large: TiffPage, small: TiffPage) -> bool:
    """Whether the height fits the width, to a row or column of rounding."""
    height = large.imagelength * small.imagewidth / large.imagewidth
    width = large.imagewidth * small.imagelength / large.imagelength
    return bool(abs(height - small.imagelength) <= 1 or abs(width - small.imagewidth) <= 1)


def _shows_the_same(large: TiffPage, small: TiffPage, check_size: SizeCheck) -> bool:
    """Whether the large page, reduced, looks like the small one."""
    reference = _to_grey(decode_page(small, None, check_size)[0])
    reduced = _to_grey(decode_page(large, None, check_size)[0])
    reduced = cv2.resize(reduced, reference.shape[::-1], interpolation=cv2.INTER_AREA)
    if reference.std() == 0 or reduced.std() == 0:
        return False
    return bool(np.corrcoef(reference.ravel(), reduced.ravel())[0, 1] >= _MIN_CORRELATION)


def _to_grey(pixels: Pixels) -> NDArray[Any]:
    pixels = convert_depth(pixels, np.uint8)
    colours = pixels if pixels.ndim == 2 else pixels[..., : 1 if pixels.shape[2] < 3 else 3].mean(axis=-1)
    return np.asarray(colours, np.float32)
