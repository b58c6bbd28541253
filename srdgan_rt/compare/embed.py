"""The form in which a page holds a picture: the bytes of its file where browsers show them right, else a PNG file."""

from __future__ import annotations

import base64
import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from srdgan_rt.image import Metadata, Picture, convert_depth
from srdgan_rt.image.icc import profile_fits
from srdgan_rt.image.jpeg.stream import parse_jpeg
from srdgan_rt.image.metadata.exif import ORIENTATION
from srdgan_rt.image.png.codec import write_png
from srdgan_rt.pixels import Pixels

_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")  # Pillow's; what is missing here is CMYK


@dataclass(frozen=True)
class Embedded:
    """A picture as a page holds it.

    Attributes:
        mime_type: "image/jpeg", "image/png" or "image/webp".
        data: the bytes of a file of this type.
        notes: how what is shown differs from the picture, one line each.
    """

    mime_type: str
    data: bytes
    notes: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The file as "data:image/...;base64,..."."""
        return f"data:{self.mime_type};base64,{base64.b64encode(self.data).decode()}"


def embed_picture(path: Path, picture: Picture, shown_pixels: int, *, keep_file: bool) -> Embedded:
    """Makes the form of a picture that a page holds.

    Args:
        path: the picture's file.
        picture: what was read from it.
        shown_pixels: a picture with more pixels is reduced to this many, at least 1.
        keep_file: whether the bytes of the file may be used, with all its metadata.
    """
    height, width = picture.pixels.shape[:2]
    if keep_file and height * width <= shown_pixels and _is_shown_right(path, picture):
        return Embedded(_TYPES[picture.format], path.read_bytes())
    return encode_picture(picture, shown_pixels)


def encode_picture(picture: Picture, shown_pixels: int) -> Embedded:
    """Encodes a picture as browsers show it: PNG with 8 bits.

    Args:
        picture: pixels, and the metadata that determine their colours.
        shown_pixels: a picture with more pixels is reduced to this many, at least 1.
    """
    height, width = picture.pixels.shape[:2]
    pixels, notes = picture.pixels, []
    if height * width > shown_pixels:
        factor = math.sqrt(shown_pixels / (height * width))
        height, width = max(1, int(height * factor)), max(1, int(width * factor))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        notes.append(f"shown reduced to {width} x {height} pixels: a page shows at most {shown_pixels:,}")
    if pixels.dtype != np.uint8:
        bits = "16 bits" if pixels.dtype == np.uint16 else "floating point"
        notes.append(f"{bits} a channel, shown with 8")
        pixels = convert_depth(pixels, np.uint8)
    return Embedded("image/png", _encode_png(pixels, picture.metadata), tuple(notes))


def _is_shown_right(path: Path, picture: Picture) -> bool:
    """Whether all browsers show the file as it was read: its colours, its orientation, and its first frame."""
    if picture.format not in _TYPES or picture.pixels.dtype != np.uint8:
        return False
    try:
        if picture.format == "jpeg" and parse_jpeg(path.read_bytes()).is_lossless:
            return False
        with _without_warnings(), Image.open(path) as header:  # only the header is read
            is_upright = header.getexif().get(ORIENTATION, 1) == 1
            is_animated = getattr(header, "is_animated", False)
            mode = header.mode
    except Exception:  # Pillow reads less than this package, and may raise anything
        return False
    # Browsers turn JPEG files alone by their EXIF; of the frames in a JPEG file they show the first one.
    return mode in _MODES and (picture.format == "jpeg" or (is_upright and not is_animated))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Pillow warns of large pictures, and of unusual ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _encode_png(pixels: Pixels, metadata: Metadata) -> bytes:
    """A PNG file with all that determines its colours."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    icc = metadata.icc if metadata.icc is not None and profile_fits(metadata.icc, channels) else None
    file = io.BytesIO()
    write_png(file, pixels, Metadata(icc=icc, png_colour=metadata.png_colour), quality=100)
    return file.getvalue()
