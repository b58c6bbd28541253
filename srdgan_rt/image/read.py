"""Reads picture files; the format is detected by the first bytes, never by the name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from srdgan_rt.errors import ImageReadError, SrdganError, install_hint
from srdgan_rt.image.avif import read_avif
from srdgan_rt.image.bmp import read_bmp
from srdgan_rt.image.formats import HEAD_SIZE, READER_PACKAGES, Format, detect_format
from srdgan_rt.image.gif import read_gif
from srdgan_rt.image.heic import read_heic
from srdgan_rt.image.jpeg.codec import read_jpeg
from srdgan_rt.image.picture import Picture
from srdgan_rt.image.png.codec import read_png
from srdgan_rt.image.raw import identify_raw, read_raw
from srdgan_rt.image.size_limit import DEFAULT_MAX_PIXELS, SizeCheck, limit_size
from srdgan_rt.image.tiff.codec import read_tiff
from srdgan_rt.image.webp import read_webp

_READERS: dict[str, Callable[[Path, SizeCheck], Picture]] = {
    "avif": read_avif,
    "bmp": read_bmp,
    "gif": read_gif,
    "heif": read_heic,
    "jpeg": read_jpeg,
    "png": read_png,
    "tiff": read_tiff,
    "webp": read_webp,
}


def read_picture(path: str | os.PathLike[str], *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Picture:
    """Decodes a picture file: upright, in its own bit depth, with its metadata.

    Args:
        path: JPEG, PNG, TIFF, WebP, AVIF, BMP or GIF; HEIC where ``pillow_heif`` is installed, and camera raw files
            where ``rawpy`` is. Of animations the first frame is taken; of files with several pages the first page, in
            its highest resolution.
        max_pixels: files that declare more pixels than this are refused before they are decoded; None for no limit. It
            limits memory, so a pixel of more than four channels counts as channels / 4 pixels.

    Returns:
        The picture. Greyscale stays greyscale; palettes are expanded, to grey if all pixels are grey and there is no
        profile; CMYK becomes RGB; what was lost or decided is in ``notes``.

    Raises:
        ImageReadError: the file is missing, truncated, damaged, or of an unknown format.
        ImageTooLargeError: it declares more pixels than ``max_pixels``.
        InputError: ``max_pixels`` is below 1.
    """
    path = Path(path)
    check_size = limit_size(path, max_pixels)
    try:
        return _read(path, check_size)
    except SrdganError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise anything at all
        raise ImageReadError(f"{path}: {_explain(error)}") from error


def _read(path: Path, check_size: SizeCheck) -> Picture:
    format_ = _identify(path)
    package = READER_PACKAGES.get(format_.reader)
    if package is not None:
        _require(package, format_)
    if format_.reader == "raw":
        return read_raw(path, check_size, format_)
    if not format_.reader:
        advice = ": convert this one to JPEG, PNG or TIFF" if format_.is_photograph else ""
        raise ValueError(f"{format_.name} files cannot be read{advice}")
    return _READERS[format_.reader](path, check_size)


def _require(package: str, format_: Format) -> None:
    try:
        importlib.import_module(package)
    except ImportError:
        hint = f"{install_hint(format_.reader)}, or convert this one to TIFF or JPEG"
        raise ValueError(f"{format_.name} files cannot be read without {package}: {hint}") from None


def _identify(path: Path) -> Format:
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe could block forever
        raise ValueError("not a regular file")
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
    if not head:
        raise ValueError("the file is empty")
    format_ = detect_format(head)
    if format_ is None:
        raise ValueError(f"not a picture of a known format ({', '.join(sorted(_READERS))}, camera raw)")
    if format_.reader == "tiff":
        return identify_raw(path) or format_
    return format_


def _explain(error: Exception) -> str:
    """A message of one line for any exception of a decoder."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
