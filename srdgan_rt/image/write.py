"""Writes picture files; the format is given by the extension; a file appears complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from numpy.typing import DTypeLike

from srdgan_rt.atomic import replace_file
from srdgan_rt.checks import check_whole
from srdgan_rt.errors import ImageWriteError, InputError, SrdganError
from srdgan_rt.image.adapt import adapt
from srdgan_rt.image.avif import MAX_SIDE as AVIF_MAX_SIDE
from srdgan_rt.image.avif import write_avif
from srdgan_rt.image.icc import profile_fits
from srdgan_rt.image.jpeg.codec import MAX_SIDE as JPEG_MAX_SIDE
from srdgan_rt.image.jpeg.codec import write_jpeg
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.update import update_metadata
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.png.codec import write_png
from srdgan_rt.image.tiff.codec import write_tiff
from srdgan_rt.image.webp import MAX_SIDE as WEBP_MAX_SIDE
from srdgan_rt.image.webp import write_webp
from srdgan_rt.pixels import Pixels, check_dtype, check_layout

_FORMATS = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    ".avif": "avif",
}
WRITABLE_EXTENSIONS = tuple(_FORMATS)

_MAX_SIDES = {
    "jpeg": JPEG_MAX_SIDE,
    "webp": WEBP_MAX_SIDE,
    "png": 1_000_000,
    "tiff": (1 << 31) - 1,
    "avif": AVIF_MAX_SIDE,
}
_WITHOUT_GREY = {
    ("webp", 1): "WebP has no greyscale",
    ("webp", 2): "WebP has no greyscale",
    ("avif", 2): "AVIF is written without greyscale beside alpha",
}
"""Formats and numbers of channels that they store as RGB, with or without alpha."""
_WRITERS: dict[str, Callable[[BinaryIO, Pixels, Metadata, int], list[str]]] = {
    "avif": write_avif,
    "jpeg": write_jpeg,
    "png": write_png,
    "tiff": write_tiff,
    "webp": write_webp,
}


def check_writable(path: str | os.PathLike[str], height: int, width: int, channels: int, dtype: DTypeLike) -> None:
    """Checks before any work is done whether :func:`write_picture` can store such a picture.

    Args:
        path: the file to write; its extension gives the format.
        height: rows.
        width: columns.
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA).
        dtype: uint8, uint16 or float32.

    Raises:
        ImageWriteError: unknown extension, a side beyond the format's limit, missing or read-only folder.
        InputError: ``channels`` or ``dtype`` is none of the above, or a side is below 1.
    """
    path = Path(path)
    if channels not in (1, 2, 3, 4):
        raise InputError(f"channels must be 1, 2, 3 or 4, got {channels}")
    check_dtype(dtype, "dtype")
    if height < 1 or width < 1:
        raise InputError(f"height and width must be at least 1, got {height} x {width}")
    format_ = _format_of(path)
    if max(height, width) > _MAX_SIDES[format_]:
        raise ImageWriteError(
            f"{path}: {format_.upper()} holds at most {_MAX_SIDES[format_]:,} pixels a side, got {width} x {height}"
        )
    folder = path.parent
    try:
        has_folder, is_folder = folder.is_dir(), path.is_dir()
    except OSError as error:  # a name that is too long
        raise ImageWriteError(f"{path}: cannot be written: {error.strerror}") from error
    if not has_folder:
        raise ImageWriteError(f"{path}: the folder {folder} does not exist")
    if is_folder:
        raise ImageWriteError(f"{path}: is a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ImageWriteError(f"{path}: no permission to write into {folder}")


def write_picture(path: str | os.PathLike[str], picture: Picture, *, quality: int = 95) -> tuple[str, ...]:
    """Encodes a picture file, which appears complete or, on any failure, not at all.

    Args:
        path: .jpg, .jpeg, .png, .tif, .tiff, .webp or .avif. An existing file is replaced.
        picture: sizes and positions in its EXIF and XMP are scaled from ``metadata.described_size`` to the size of the
            pixels, which may also be ``(H, W, 1)``; orientation tags are set to upright; thumbnails are removed.
        quality: 1..100 for JPEG (colour in full resolution from 90 on), AVIF (likewise, but uint16 and float32 only
            at 100) and WebP (100 is lossless).

    Returns:
        What the format could not hold, one line each.

    Raises:
        ImageWriteError: see :func:`check_writable`; or encoding failed; or the disk is full.
        InputError: the picture's array or ``quality`` breaks a rule.
    """
    path = Path(path)
    quality = check_whole("quality", quality, 1, 100)
    channels = check_layout(picture.pixels, "pixels")
    height, width = picture.pixels.shape[:2]
    check_writable(path, height, width, channels, picture.pixels.dtype)
    format_, pixels, notes = _format_of(path), picture.pixels, []
    if pixels.shape[2:] == (1,):  # the writers know grey as (H, W)
        pixels = pixels[..., 0]
    if (format_, channels) in _WITHOUT_GREY:
        notes.append(f"{_WITHOUT_GREY[format_, channels]}: stored as RGB")
        pixels = pixels.reshape(height, width, channels)[..., [0] * 3 + [1] * (channels - 1)]
        channels += 2
    metadata, lost = _fit_metadata(picture.metadata, height, width, channels, format_)
    try:
        with replace_file(path) as file:
            notes += lost + _WRITERS[format_](file, pixels, metadata, quality)
    except SrdganError:
        raise
    except Exception as error:  # encoders raise their own kinds
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or repr(error)
        raise ImageWriteError(f"{path}: cannot be written: {reason.splitlines()[0]}") from error
    return tuple(dict.fromkeys(notes))


def _format_of(path: Path) -> str:
    format_ = _FORMATS.get(path.suffix.lower())
    if format_ is None:
        raise ImageWriteError(f"{path}: extension must be one of {', '.join(_FORMATS)}, got {path.suffix!r}")
    return format_


def _fit_metadata(
    metadata: Metadata, height: int, width: int, channels: int, format_: str
) -> tuple[Metadata, list[str]]:
    """Metadata updated for a picture of this size, as far as the format can store them; and notes about the rest."""
    transform = GeometricTransform(1, metadata.described_size or (height, width), (height, width))
    metadata, notes = update_metadata(metadata, transform)
    if metadata.icc is not None and not profile_fits(metadata.icc, channels):
        metadata = replace(metadata, icc=None)
        notes.append("ICC profile dropped: it is not made for this kind of picture")
    metadata, lost = adapt(metadata, format_, channels)
    return metadata, notes + lost
