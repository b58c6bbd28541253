"""Camera raw files: recognised by their TIFF tags, developed by LibRaw through the optional package rawpy."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from srdgan_rt.image.formats import FORMATS, Format
from srdgan_rt.image.jpeg.metadata import read_metadata as read_jpeg_metadata
from srdgan_rt.image.metadata.ifd import (
    Buffer,
    DamagedTagsError,
    Entry,
    Layout,
    iterate_directories,
    iterate_entries,
    map_file,
    read_header,
    read_integer,
)
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff.codec import read_metadata as read_tiff_metadata
from srdgan_rt.pixels import Pixels

_MAKE, _PHOTOMETRIC, _COMPRESSION = 271, 262, 259
_DNG_VERSION = 50706
_SENSOR_SAMPLES = (32803, 34892)  # photometric interpretations: colour filter array, linear raw
# Compressions of Nikon, Sony, Samsung, Epson, Kodak and Pentax, which no ordinary TIFF file uses.
_RAW_COMPRESSIONS = (34713, 32767, 32769, 32770, 32772, 65000, 65535)
_DNG = next(f for f in FORMATS if ".dng" in f.endings)
_OTHER = Format("camera raw", (), reader="raw")
_RAW_FORMATS = [f for f in FORMATS if f.reader == "raw"]


def identify_raw(path: Path) -> Format | None:
    """The kind of camera raw file that a TIFF-structured file is; None for an ordinary TIFF picture."""
    with map_file(path) as data:
        layout, first = read_header(data)
        make, is_raw = "", False
        for ifd in iterate_directories(data, layout, first):
            for entry in iterate_entries(data, layout, ifd):
                if entry.tag == _DNG_VERSION:
                    return _DNG
                if entry.tag == _MAKE and not make:
                    make = _read_text(data, entry).lower()
                is_raw = is_raw or _marks_raw(data, layout, entry)
    if not is_raw:
        return None
    return next((f for f in _RAW_FORMATS if f.name.split()[0].lower() in make), _OTHER)


def _marks_raw(data: Buffer, layout: Layout, entry: Entry) -> bool:
    values = {_PHOTOMETRIC: _SENSOR_SAMPLES, _COMPRESSION: _RAW_COMPRESSIONS}.get(entry.tag, ())
    return read_integer(data, layout, entry) in values


def _read_text(data: Buffer, entry: Entry) -> str:
    return bytes(data[entry.value_position : entry.value_position + min(entry.size, 100)]).decode("latin-1")


def read_raw(path: Path, check_size: SizeCheck, format_: Format) -> Picture:
    """Develops a camera raw file to upright 16-bit sRGB, with the camera's white balance and no automatic brightness.

    See :func:`srdgan_rt.image.read_picture`.

    Args:
        path: the file.
        check_size: the limit of sizes.
        format_: what kind of raw file it is, for messages.
    """
    rawpy = importlib.import_module("rawpy")
    try:
        with rawpy.imread(str(path)) as raw:
            check_size(raw.sizes.height, raw.sizes.width)
            metadata, orientation = _read_metadata(path, raw, rawpy)
            pixels = develop(raw, rawpy)
    except rawpy.LibRawError as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"LibRaw cannot read this {format_.name} file ({reason})") from error
    notes = ("raw: developed to sRGB with the camera's white balance",)
    return make_upright(
        Picture(pixels, metadata, "dng" if format_ is _DNG else "raw", notes), orientation, is_turned=True
    )


def develop(raw: Any, rawpy: Any) -> Pixels:
    """Develops an opened raw file; LibRaw turns the picture upright itself."""
    pixels: Pixels = raw.postprocess(
        output_bps=16, output_color=rawpy.ColorSpace.sRGB, use_camera_wb=True, no_auto_bright=True
    )
    return pixels


def _read_metadata(path: Path, raw: Any, rawpy: Any) -> tuple[Metadata, int | None]:
    """The metadata, and the orientation; None for an orientation that is in the EXIF block.

    They come from the tags of a TIFF-structured file, else from the JPEG preview inside. ICC profiles are dropped,
    because they describe the preview. There are no notes about other tags: dozens describe the raw data alone.
    """
    try:
        metadata, orientation, _ = read_tiff_metadata(path)
        return replace(metadata, icc=None), orientation
    except DamagedTagsError:
        pass
    try:
        preview = raw.extract_thumb()
        if preview.format == rawpy.ThumbFormat.JPEG:
            metadata, _ = read_jpeg_metadata(preview.data)
            return replace(metadata, icc=None), None
    except (rawpy.LibRawError, OSError, SyntaxError):
        pass  # no preview, or one that is not JPEG; the picture can be read without it
    return Metadata(), 1
