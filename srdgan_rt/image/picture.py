"""A picture in memory: pixels, metadata, and notes about what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from srdgan_rt.pixels import Pixels


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
        format: "jpeg", "png", "tiff", "webp", "avif", "bmp", "gif", "dng" or, of other cameras, "raw"; "" for a
            picture that was not read from a file.
        notes: what was lost or decided while reading, one line each.
    """

    pixels: Pixels
    metadata: Metadata = Metadata()
    format: str = ""
    notes: tuple[str, ...] = ()
