"""A picture in memory: pixels, metadata, and notes about what was lost."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from srdgan_rt.image.depth import convert_depth
from srdgan_rt.pixels import Pixels

_LARGEST_SHOWN = 1024  # pixels a side; a notebook stores what it shows


@dataclass(frozen=True)
class Text:
    """A text with a keyword, as in PNG files; or the comment of a JPEG or GIF file.

    Attributes:
        keyword: 1..79 characters of Latin-1: "Comment", "Author", "parameters", ...
        text: the text itself.
        language: language tag as in RFC 3066, or "".
        translated: the keyword in that language, or "".
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True)
class Metadata:
    """Everything about a picture that is not its pixels; ``None`` or empty where the file had none.

    Attributes:
        exif: TIFF-structured EXIF block without the ``b"Exif\\0\\0"`` prefix. After :func:`read_picture` its
            orientation tag is 1, because the pixels are upright.
        icc: ICC profile of the pixels. (The profile of a CMYK file is dropped when the pixels are converted to RGB.)
        xmp: XMP packet, extended XMP of JPEG files included.
        dpi: resolution in dots per inch, horizontal then vertical.
        iptc: IPTC-IIM data sets: captions, keywords, credits.
        texts: texts of PNG files and comments of JPEG and GIF files.
        png_colour: kind and body of the chunks of PNG files that define the colour space (``gAMA``, ``cICP``...).
        described_size: height and width, in pixels, of the upright picture that sizes and positions in EXIF and XMP
            refer to. :func:`write_picture` scales them from this size to that of the pixels. None: they already refer
            to the pixels.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    png_colour: tuple[tuple[bytes, bytes], ...] = ()
    described_size: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright.

    Attributes:
        pixels: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, alpha not
            multiplied in; uint8, uint16, or float32 in [0, 1].
        metadata: what else the file held.
        format: "jpeg", "png", "tiff", "webp", "avif", "heic", "bmp", "gif", "dng" or, of other cameras, "raw"; "" for a
            picture that was not read from a file.
        notes: what was lost or decided while reading, one line each.
    """

    pixels: Pixels
    metadata: Metadata = Metadata()
    format: str = ""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        channels = 1 if self.pixels.ndim == 2 else self.pixels.shape[2]
        layout = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGBA"}[channels]
        held = [name for name in ("exif", "icc", "xmp", "iptc") if getattr(self.metadata, name) is not None]
        origin = [self.format] if self.format else []
        return f"<Picture {width}x{height} {layout} {', '.join([str(self.pixels.dtype), *origin, *held])}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: a PNG file of 8 bits and at most 1024 pixels a side, with the profile."""
        step = -(-max(self.pixels.shape[:2]) // (4 * _LARGEST_SHOWN))  # cheap, before the good reduction
        image = Image.fromarray(np.ascontiguousarray(convert_depth(self.pixels[::step, ::step], np.uint8)))
        image.thumbnail((_LARGEST_SHOWN, _LARGEST_SHOWN))
        file = io.BytesIO()
        image.save(file, "PNG", icc_profile=self.metadata.icc)
        return file.getvalue()
