"""Reads and writes TIFF files: pixels by tifffile, EXIF directories in ``exif.py``."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC

from srdgan_rt.image.metadata import exif, iptc
from srdgan_rt.image.metadata.ifd import check_complete, map_file, read_header
from srdgan_rt.image.metadata.tags import read_tags
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.palette import reduce_to_grey
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff.exif import begin_tiff, extract_from_tiff, finish_tiff
from srdgan_rt.image.tiff.pages import choose_page
from srdgan_rt.image.tiff.pixels import decode_page
from srdgan_rt.pixels import Pixels

# tifffile logs damage; here damage that matters is an error or a note.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_XMP, _ICC, _IPTC, _PHOTOSHOP = 700, 34675, 33723, 34377
_BYTE, _UNDEFINED = 1, 7
# Other colour spaces are converted to sRGB, which the file's profile does not describe.
_ICC_STAYS = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR)
_BIGTIFF_FROM = (1 << 32) - (1 << 26)  # bytes of pixels; leaves room for incompressible data and metadata
_COMPRESSION_LEVEL = 4


def read_tiff(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the first page of a TIFF file in its highest resolution, upright.

    See :func:`srdgan_rt.image.read_picture`.
    """
    with tifffile.TiffFile(path) as file:
        page, index, num_pages = choose_page(file, check_size)
        metadata, orientation, notes = read_metadata(path, page.offset)
        pixels, decoding_notes = decode_page(page, metadata.icc, check_size)
    if page.photometric == PHOTOMETRIC.PALETTE:
        pixels = reduce_to_grey(pixels, metadata)
    if num_pages > 1:
        why = ", which has the highest resolution" if index else ""
        notes.append(f"several pages: {'first' if index == 0 else f'number {index + 1}'} of {num_pages}{why}")
    notes += decoding_notes
    if page.photometric not in _ICC_STAYS:
        metadata = replace(metadata, icc=None)
    return make_upright(Picture(pixels, metadata, "tiff", tuple(notes)), orientation)


def read_metadata(path: Path, ifd: int | None = None) -> tuple[Metadata, int, list[str]]:
    """Reads the metadata of a page of a TIFF-structured file.

    Tags that the page does not have are taken from the first page, which is mostly a smaller copy of it.

    Args:
        path: the file.
        ifd: offset of the page's directory; None is the first page.
    """
    with map_file(path) as data:
        layout, first = read_header(data)
        found: dict[int, bytes] = {}
        for directory in dict.fromkeys((first, first if ifd is None else ifd)):
            check_complete(data, layout, directory)  # tifffile would take defaults for tags that were cut off
            tags = read_tags(data, layout, directory, only=(_XMP, _ICC, _IPTC, _PHOTOSHOP))
            found.update({tag.tag: tag.value for tag in tags if isinstance(tag.value, bytes)})
        block, orientation, notes = extract_from_tiff(data, ifd)
        resources = iptc.read_resources(found.get(_PHOTOSHOP, b""))
        metadata = Metadata(
            exif=block,
            icc=found.get(_ICC),
            xmp=found.get(_XMP),
            dpi=exif.get_dpi(data, ifd),
            iptc=iptc.clean(found.get(_IPTC, b"")) or iptc.clean(resources.get(iptc.IPTC, b"")),
        )
        return metadata, orientation, notes + iptc.describe_dropped(resources)


def write_tiff(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a TIFF file: 8 or 16 bits or float32, deflate with predictor, strip by strip.

    Args:
        file: where to write; also read from.
        pixels: any picture of :class:`Picture`.
        metadata: already updated for these pixels.
        quality: not used, the format is lossless.

    Returns:
        What was lost, one line each.
    """
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    is_colour = pixels.ndim == 3 and pixels.shape[2] >= 3
    is_big = pixels.nbytes >= _BIGTIFF_FROM
    if metadata.exif is not None and not is_big:
        begin_tiff(file, metadata.exif)
    packets = ((_XMP, _BYTE, metadata.xmp), (_IPTC, _UNDEFINED, metadata.iptc))
    tifffile.imwrite(
        file,
        np.ascontiguousarray(pixels),
        append=metadata.exif is not None and not is_big,
        bigtiff=is_big,
        byteorder="<" if metadata.exif is None else exif.get_byte_order(metadata.exif),  # tags stay as they are
        photometric="rgb" if is_colour else "minisblack",
        planarconfig="contig" if pixels.ndim == 3 else None,
        extrasamples=["unassalpha"] if has_alpha else None,
        compression="zlib",
        compressionargs={"level": _COMPRESSION_LEVEL},
        predictor=True,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi is not None else None,
        iccprofile=metadata.icc,
        extratags=[(tag, kind, len(value), value, True) for tag, kind, value in packets if value is not None],
        software=False,
        metadata=None,
    )
    return [] if metadata.exif is None else finish_tiff(file, metadata.exif)
