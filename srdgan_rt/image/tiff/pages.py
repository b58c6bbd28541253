"""Chooses the page of a TIFF file to decode: the first one, unless it is a smaller copy of another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.metadata.ifd import iterate_directories, iterate_entries, map_file, read_header, read_integer
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff.pixels import decode_page
from srdgan_rt.pixels import Pixels

_WIDTH, _HEIGHT, _PHOTOMETRIC = 256, 257, 262
_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4  # the tag NewSubfileType, and two of its bits
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
_NO_PICTURES = (PHOTOMETRIC.MASK, PHOTOMETRIC.DEPTH_MAP)
_MAX_COMPARED = 3
_MIN_CORRELATION = 0.9


@dataclass(frozen=True)
class _Entry:
    """Facts about a page from its directory."""

    offset: int
    width: int
    height: int
    is_reduced: bool
    is_mask: bool

    @property
    def num_pixels(self) -> int:
        return self.width * self.height

    def has_shape_of(self, other: _Entry) -> bool:
        """Whether the aspect ratio is the same, within one row or column of rounding."""
        height, width = self.height * other.width / self.width, self.width * other.height / self.height
        return abs(height - other.height) <= 1 or abs(width - other.width) <= 1


def choose_page(file: TiffFile, check_size: SizeCheck) -> tuple[TiffPage, int, int]:
    """Chooses the page to decode.

    If the first page is marked as a reduced copy: the largest page that is not, SubIFDs included. Otherwise the first
    page, or a larger page that shows the same picture.

    Args:
        file: the TIFF file.
        check_size: the size limit, for pages that have to be compared.

    Returns:
        The page, its index among all pages, and their number.
    """
    entries = _list_entries(Path(file.filehandle.path))
    candidates = [entry for entry in entries if not entry.is_mask and entry.num_pixels] or entries[:1]
    first = chosen = candidates[0]
    if first.is_reduced:
        full = [entry for entry in candidates if not entry.is_reduced]
        chosen = max(full or candidates, key=lambda entry: entry.num_pixels)
    else:
        similar = [e for e in candidates if e.num_pixels > first.num_pixels and e.has_shape_of(first)]
        similar.sort(key=lambda entry: entry.num_pixels, reverse=True)
        for entry in similar[:_MAX_COMPARED]:
            if _shows_the_same(_open_page(file, entry), _open_page(file, first), check_size):
                chosen = entry
                break
    return _open_page(file, chosen), entries.index(chosen), len(entries)


def _list_entries(path: Path) -> list[_Entry]:
    entries = []
    with map_file(path) as data:
        layout, first = read_header(data)
        for ifd in iterate_directories(data, layout, first):
            tags = {entry.tag: read_integer(data, layout, entry) for entry in iterate_entries(data, layout, ifd)}
            kind = tags.get(_SUBFILE_TYPE, 0)
            entries.append(
                _Entry(
                    offset=ifd,
                    width=tags.get(_WIDTH, 0),
                    height=tags.get(_HEIGHT, 0),
                    is_reduced=bool(kind & _REDUCED) or tags.get(_OLD_SUBFILE_TYPE) == _OLD_REDUCED,
                    is_mask=bool(kind & _MASK) or tags.get(_PHOTOMETRIC) in _NO_PICTURES,
                )
            )
    return entries


def _open_page(file: TiffFile, entry: _Entry) -> TiffPage:
    file.filehandle.seek(entry.offset)
    return TiffPage(file, 0)


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
