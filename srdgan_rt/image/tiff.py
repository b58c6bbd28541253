"""TIFF: pixels by tifffile, which keeps every depth and layout; EXIF directories are carried over tag by tag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from srdgan_rt.image import exif, exif_tiff, iptc
from srdgan_rt.image.colour import convert_cmyk
from srdgan_rt.image.depth import divide_by_alpha, largest_value, map_rows
from srdgan_rt.image.ifd import check_complete, map_file, read_header, read_tags
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture, Pixels
from srdgan_rt.image.size_limit import SizeCheck

_XMP, _ICC, _IPTC, _PHOTOSHOP = 700, 34675, 33723, 34377
_BYTE, _UNDEFINED = 1, 7
_UNSPECIFIED, _ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 0, 1, 2
_RGB_LIKE = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)  # the JPEG inside turns YCbCr into RGB
_GREY_LIKE = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
_BIGTIFF_FROM = (1 << 32) - (1 << 26)  # bytes of pixels; leaves room for incompressible data and metadata
_COMPRESSION_LEVEL = 4


def read_tiff(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the first page of a TIFF file, upright; see :func:`srdgan_rt.image.read_picture`."""
    metadata, orientation, notes = read_metadata(path)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        check_size(page.imagelength, page.imagewidth)
        if len(file.pages) > 1:
            notes.append(f"several pages: first of {len(file.pages)}")
        _check_segments(page, path.stat().st_size)
        pixels, decoding_notes = _decode_page(page, metadata.icc)
        notes += decoding_notes
    if page.photometric == PHOTOMETRIC.SEPARATED:
        metadata = replace(metadata, icc=None)
    return make_upright(Picture(pixels, metadata, "tiff", tuple(notes)), orientation)


def read_metadata(path: Path, ifd: int | None = None) -> tuple[Metadata, int, list[str]]:
    """Metadata of a page of a TIFF-structured file, its orientation 1..8, and what was left out.

    What the page itself does not say, the first page says for it: it is mostly a small copy of the same picture.

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
        block, orientation, notes = exif_tiff.extract_from_tiff(data, ifd)
        resources = iptc.read_resources(found.get(_PHOTOSHOP, b""))
        metadata = Metadata(
            exif=block,
            icc=found.get(_ICC),
            xmp=found.get(_XMP),
            dpi=exif.get_dpi(data, ifd),
            iptc=iptc.clean(found.get(_IPTC, b"")) or iptc.clean(resources.get(iptc.IPTC, b"")),
        )
        return metadata, orientation, notes + iptc.list_lost(resources)


def _check_segments(page: TiffPage, file_size: int) -> None:
    """tifffile leaves missing strips and tiles black and hands short ones to the decoder; here both are errors."""
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(segments) < int(np.prod(page.chunked)):
        raise ValueError(f"damaged: {len(segments)} of {int(np.prod(page.chunked))} strips or tiles are listed")
    for offset, size in segments:
        if offset + size > file_size:
            raise ValueError(f"truncated: pixels up to byte {offset + size:,} in a file of {file_size:,}")
        if offset == 0 or size == 0:
            raise ValueError("damaged: a strip or tile is empty")


def _decode_page(page: TiffPage, icc: bytes | None) -> tuple[Pixels, list[str]]:
    photometric = PHOTOMETRIC(page.photometric)
    is_jpeg = page.compression == COMPRESSION.JPEG
    if photometric == PHOTOMETRIC.YCBCR and not is_jpeg:
        raise ValueError("TIFF with YCbCr pixels outside JPEG compression is not supported")
    if photometric not in (*_RGB_LIKE, *_GREY_LIKE, PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED):
        raise ValueError(f"TIFF colour space {photometric.name} is not supported")
    samples = page.asarray()
    if page.axes == "SYX":
        samples = np.ascontiguousarray(np.moveaxis(samples, 0, -1))
    elif page.axes == "YX":
        samples = samples[..., None]
    elif page.axes != "YXS":
        raise ValueError(f"TIFF with axes {page.axes} is not a picture")

    notes: list[str] = []
    if photometric == PHOTOMETRIC.PALETTE:
        if page.colormap is None:
            raise ValueError("damaged: the TIFF palette is missing")
        return _expand_palette(samples[..., 0], page.colormap), notes
    pixels = _to_picture_depth(samples, page.bitspersample, notes)
    if photometric == PHOTOMETRIC.MINISWHITE:
        pixels[..., 0] = largest_value(pixels.dtype) - pixels[..., 0]

    num_colours = {PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.MINISWHITE: 1, PHOTOMETRIC.SEPARATED: 4}.get(photometric, 3)
    if pixels.shape[2] < num_colours:
        raise ValueError(f"TIFF colour space {photometric.name} with {pixels.shape[2]} samples a pixel")
    colour, alpha = pixels[..., :num_colours], _find_alpha(page, pixels, num_colours, notes)
    if photometric == PHOTOMETRIC.SEPARATED:
        if pixels.dtype == np.float32:
            raise ValueError("TIFF with CMYK in floating point is not supported")
        colour, note = convert_cmyk(colour, icc)
        notes.append(note)
    if alpha is not None:
        is_whole = pixels.shape[2] == num_colours + 1 and photometric != PHOTOMETRIC.SEPARATED
        pixels = pixels if is_whole else np.concatenate([colour, alpha], axis=-1)
        if _ASSOCIATED_ALPHA in page.extrasamples:
            pixels = divide_by_alpha(pixels)
        return pixels, notes
    return np.ascontiguousarray(colour[..., 0] if num_colours == 1 else colour), notes


def _find_alpha(page: TiffPage, pixels: Pixels, num_colours: int, notes: list[str]) -> Pixels | None:
    """The alpha channel ``(H, W, 1)``; other extra channels are dropped, and that noted."""
    extra = pixels.shape[2] - num_colours
    kinds = [int(kind) for kind in page.extrasamples][:extra] + [_UNSPECIFIED] * (extra - len(page.extrasamples))
    index = next((i for i, kind in enumerate(kinds) if kind in (_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA)), None)
    num_dropped = extra - (index is not None)
    if num_dropped:
        notes.append(f"{num_dropped} extra channel(s) that are not alpha dropped")
    return None if index is None else pixels[..., num_colours + index : num_colours + index + 1]


def _expand_palette(indices: NDArray[Any], colormap: NDArray[np.uint16]) -> Pixels:
    # 16-bit values by the book; some writers store 8-bit ones as they are
    palette = (colormap >> 8 if colormap.max() > 255 else colormap).T.astype(np.uint8)
    expanded: Pixels = np.take(palette, indices, axis=0)
    return expanded


def _to_picture_depth(samples: NDArray[Any], bits: int, notes: list[str]) -> Pixels:
    """Any unsigned or floating samples as uint8, uint16 or float32 in [0, 1], decided by their type alone."""
    if samples.dtype == np.bool_:
        return map_rows(samples, lambda block: block.astype(np.uint8) * np.uint8(255), samples.shape, np.uint8)
    if samples.dtype.kind == "f":
        return _to_unit_range(samples, notes)
    if samples.dtype.kind != "u":
        raise ValueError(f"TIFF samples of type {samples.dtype} are not supported")
    if bits in (8, 16):
        return samples.astype(np.dtype(f"u{bits // 8}"), copy=False)  # in the machine's byte order
    dtype = np.dtype(np.uint8 if bits < 8 else np.uint16)
    scale = largest_value(dtype) / ((1 << bits) - 1)
    if bits > 16:
        notes.append(f"{bits} bits a channel reduced to 16")
    return map_rows(samples, lambda block: np.rint(block.astype(np.float64) * scale), samples.shape, dtype)


def _to_unit_range(samples: NDArray[Any], notes: list[str]) -> Pixels:
    pixels = samples.astype(np.float32, copy=False)
    low, high = float(np.min(pixels)), float(np.max(pixels))
    if not (low >= 0 and high <= 1):  # also true where NaN is among them
        notes.append("floating-point values outside [0, 1] clipped")
        pixels = map_rows(pixels, lambda block: np.clip(np.nan_to_num(block), 0, 1), pixels.shape, np.float32)
    return pixels


def write_tiff(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes a TIFF file: 8 or 16 bits or float32, deflate with predictor, strip by strip.

    Args:
        file: where to write; also read from.
        pixels: any picture of :class:`Picture`.
        metadata: already fitted to these pixels.
        quality: not used, the format is lossless.

    Returns:
        What was lost, one line each.
    """
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    is_colour = pixels.ndim == 3 and pixels.shape[2] >= 3
    is_big = pixels.nbytes >= _BIGTIFF_FROM
    if metadata.exif is not None and not is_big:
        exif_tiff.begin_tiff(file, metadata.exif)
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
    return [] if metadata.exif is None else exif_tiff.finish_tiff(file, metadata.exif)
