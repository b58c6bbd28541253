"""The table of file formats: signatures, file name extensions, and which formats can be read.

The reader, folder runs and error messages all use this table.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass

HEAD_SIZE = 512  # bytes at the start of a file that detect_format looks at

READER_PACKAGES = {"heif": "pillow_heif", "raw": "rawpy"}
"""The optional packages that readers need. The readers have the names of this package's extras."""

_INSTALLED = {reader: importlib.util.find_spec(package) is not None for reader, package in READER_PACKAGES.items()}


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: used in messages, before the word "files": "HEIC".
        endings: usual file name extensions, lower case with the dot.
        signature: regular expression that the first bytes match; "" for formats without a signature.
        reader: which reader decodes it: "jpeg", "raw", ...; "" for formats that cannot be read.
        is_photograph: whether a folder run reports such a file as a photograph that it cannot read.
    """

    name: str
    endings: tuple[str, ...]
    signature: bytes = b""
    reader: str = ""
    is_photograph: bool = True

    @property
    def is_readable(self) -> bool:
        """Whether such files can be read; some need an optional package."""
        return bool(self.reader) and _INSTALLED.get(self.reader, True)


_TIFF = rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+"
# TGA has no signature: flag of a colour map, type of picture, five zeros where there is no map, bits a pixel.
_TGA = rb".(\x00[\x02\x03\x0a\x0b]\x00{5}|\x01[\x01\x09].{5}).{8}[\x08\x0f\x10\x18\x20]"

# The first match is taken. Most camera raw files have TIFF's signature; raw.py recognises them.
FORMATS = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjpg"), rb"\xff\xd8", "jpeg"),
    Format("PNG", (".png", ".apng"), rb"\x89PNG\r\n\x1a\n", "png"),
    Format("WebP", (".webp",), rb"RIFF....WEBP", "webp"),
    Format("GIF", (".gif",), rb"GIF8[79]a", "gif"),
    Format("BMP", (".bmp", ".dib"), rb"BM", "bmp"),
    Format("Canon CRW raw", (".crw",), rb"II\x1a\x00\x00\x00HEAPCCDR", "raw"),
    Format("Canon CR2 raw", (".cr2",), rb"(II\*\x00|MM\x00\*)....CR", "raw"),
    Format("Canon CR3 raw", (".cr3",), rb"....ftypcrx ", "raw"),
    Format("Fujifilm raw", (".raf",), rb"FUJIFILMCCD-RAW", "raw"),
    Format("Minolta raw", (".mrw",), rb"\x00MRM", "raw"),
    Format("Olympus raw", (".orf", ".ori"), rb"IIRO|IIRS|MMOR", "raw"),
    Format("Panasonic raw", (".rw2", ".rwl"), rb"IIU\x00", "raw"),
    Format("Phase One raw", (".iiq",), rb"(II\*\x00|MM\x00\*)....(IIII|MMMM)", "raw"),
    Format("Sigma raw", (".x3f",), rb"FOVb", "raw"),
    Format("DNG raw", (".dng",), reader="raw"),
    Format("Nikon raw", (".nef", ".nrw"), reader="raw"),
    Format("Sony raw", (".arw", ".sr2", ".srf"), reader="raw"),
    Format("Pentax raw", (".pef",), reader="raw"),
    Format("Samsung raw", (".srw",), reader="raw"),
    Format("Hasselblad raw", (".3fr", ".fff"), reader="raw"),
    Format("Epson raw", (".erf",), reader="raw"),
    Format("Kodak raw", (".dcr", ".kdc"), reader="raw"),
    Format("Leaf or Mamiya raw", (".mos", ".mef"), reader="raw"),
    Format("TIFF", (".tif", ".tiff"), _TIFF, "tiff"),
    Format("HEIC", (".heic", ".heics"), rb"....ftyp(hei[cmsx]|hev[cmsx])", "heif"),
    Format("AVIF", (".avif", ".avifs"), rb"....ftypavi[fs]", "avif"),
    Format("HEIF", (".heif", ".heifs", ".hif"), rb"....ftyp(mi[fa][f12]|msf1)", "heif"),
    Format("JPEG XL", (".jxl",), rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n"),
    Format(
        "JPEG 2000",
        (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
        rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    ),
    Format("JPEG XR", (".jxr", ".wdp", ".hdp"), rb"II\xbc[\x00\x01]"),
    Format("Photoshop", (".psd", ".psb"), rb"8BPS"),
    Format("GIMP", (".xcf",), rb"gimp xcf"),
    Format("OpenEXR", (".exr",), rb"\x76\x2f\x31\x01"),
    Format("Radiance HDR", (".hdr",), rb"#\?(RADIANCE|RGBE)"),
    Format("PNM", (".pnm", ".ppm", ".pgm", ".pbm", ".pam", ".pfm"), rb"P[1-7Ff]\s"),
    Format("QOI", (".qoi",), rb"qoif"),
    Format("DPX", (".dpx",), rb"SDPX|XPDS"),
    Format("TGA", (".tga", ".targa"), _TGA),
    Format("ICO", (".ico", ".cur"), rb"\x00\x00[\x01\x02]\x00", is_photograph=False),
    Format("DDS", (".dds",), rb"DDS ", is_photograph=False),
    Format("MNG", (".mng", ".jng"), rb"\x8aMNG|\x8bJNG", is_photograph=False),
    Format(
        "SVG",
        (".svg", ".svgz"),
        rb"(\xef\xbb\xbf)?\s*(<\?xml.*|<!--.*)?<(!DOCTYPE svg|svg)",
        is_photograph=False,
    ),
    Format("PDF", (".pdf",), rb"%PDF", is_photograph=False),
    Format("EPS", (".eps", ".ps"), rb"%!PS|\xc5\xd0\xd3\xc6", is_photograph=False),
    Format("HTML", (".html", ".htm"), rb"(?i)(\xef\xbb\xbf)?\s*(<!DOCTYPE html|<html)", is_photograph=False),
    Format(
        "video",
        (".mp4", ".mov", ".m4v", ".3gp", ".avi", ".mkv", ".webm"),
        rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI |\x00\x00\x01\xba",
        is_photograph=False,
    ),
    Format("ZIP", (".zip",), rb"PK\x03\x04", is_photograph=False),
)

READABLE_EXTENSIONS = tuple(sorted(ending for f in FORMATS if f.is_readable for ending in f.endings))
"""Extensions of the files that a folder run reads."""

KNOWN_UNREADABLE = {e: f.name for f in FORMATS if f.is_photograph and not f.is_readable for e in f.endings}
"""Extensions of photographs that cannot be read, with the name of the format: ".heic" is "HEIC"."""

_SIGNATURES = [(re.compile(f.signature, re.DOTALL), f) for f in FORMATS if f.signature]
# The main brand of a HEIF file may name only the container. The codec is then among the compatible brands.
_CODINGS = {b"avif": "AVIF", b"heic": "HEIC", b"heix": "HEIC"}


def detect_format(head: bytes) -> Format | None:
    """The format of a file by its first bytes; None for an unknown one.

    Args:
        head: the first :data:`HEAD_SIZE` bytes, or the whole file if it is shorter.
    """
    found = next((format_ for pattern, format_ in _SIGNATURES if pattern.match(head)), None)
    if found is not None and found.name == "HEIF":
        brands = head[16 : int.from_bytes(head[:4], "big")]
        name = next((_CODINGS[b] for b in (brands[i : i + 4] for i in range(0, len(brands), 4)) if b in _CODINGS), None)
        return next((f for f in FORMATS if f.name == name), found)
    return found
