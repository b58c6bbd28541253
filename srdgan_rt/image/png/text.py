"""PNG's text chunks, and the "raw profiles" in them: metadata as hexadecimal digits, as older writers store them."""

from __future__ import annotations

import zlib

from srdgan_rt.image.metadata import exif, iptc
from srdgan_rt.image.picture import Text

TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = "XML:com.adobe.xmp"
MAX_TEXT = 1 << 24  # bytes of one text
_COMPRESS_FROM = 2048
_PROFILE_PREFIX = "Raw profile type "
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
# ImageMagick copies the properties of EXIF and XMP to texts. They would not be updated, so they are dropped.
_REPEATED = frozenset(
    {
        *("exif", "tiff", "png", "Thumb", "xmp", "xmpMM", "photoshop", "crs", "aux", "mwg-rs", "MP", "MPRI"),
        *("GPano", "GCamera", "Container", "hdrgm", "Iptc4xmpExt"),
    }
)


class DamagedTextError(ValueError):
    """A text chunk breaks PNG's rules or is too large."""


def inflate(data: bytes, max_size: int) -> bytes:
    """Inflates a zlib stream of at most ``max_size`` bytes; raises :class:`DamagedTextError` for any other."""
    inflator = zlib.decompressobj()
    try:
        inflated = inflator.decompress(data, max_size)
    except zlib.error as error:
        raise DamagedTextError(str(error)) from None
    if not inflator.eof:
        raise DamagedTextError("incomplete or too large")
    return inflated


def unpack_text(kind: bytes, body: bytes) -> Text:
    """Reads a text chunk.

    Raises:
        DamagedTextError: it breaks PNG's rules or is longer than ``MAX_TEXT``.
    """
    keyword, separator, rest = body.partition(b"\0")
    if not separator or not keyword:
        raise DamagedTextError("no keyword")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return Text(name, _decode(rest, name))
    if kind == b"zTXt":
        return Text(name, _decode(inflate(rest[1:], MAX_TEXT), name))
    parts = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(parts) < 3:
        raise DamagedTextError("fields are missing")
    text = inflate(parts[2], MAX_TEXT) if rest[0] else parts[2]
    return Text(name, text.decode("utf-8", "replace"), parts[0].decode("latin-1"), parts[1].decode("utf-8", "replace"))


def _decode(text: bytes, keyword: str) -> str:
    # the standard says Latin-1, but writers store XMP in UTF-8
    if keyword == XMP_KEYWORD:
        return text.decode("utf-8", "replace")
    return text.decode("latin-1")


def pack_text(text: Text) -> tuple[bytes, bytes]:
    """Packs a text into the simplest chunk that can store it; returns kind and body."""
    keyword = text.keyword.encode("latin-1", "replace")[:79]
    try:
        if text.language or text.translated:
            raise UnicodeEncodeError("latin-1", text.text, 0, 1, "a translation needs iTXt")
        plain = text.text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", _pack_international(keyword, text)
    if len(plain) < _COMPRESS_FROM:
        return b"tEXt", keyword + b"\0" + plain
    return b"zTXt", keyword + b"\0\0" + zlib.compress(plain)


def _pack_international(keyword: bytes, text: Text) -> bytes:
    encoded = text.text.encode("utf-8", "replace")
    is_long = len(encoded) >= _COMPRESS_FROM
    head = keyword + (b"\0\1\0" if is_long else b"\0\0\0")
    names = text.language.encode("latin-1", "replace") + b"\0" + text.translated.encode("utf-8", "replace") + b"\0"
    return head + names + (zlib.compress(encoded) if is_long else encoded)


def is_repeated(text: Text) -> bool:
    """Whether a text only repeats other metadata."""
    prefix, colon, _ = text.keyword.partition(":")
    return bool(colon) and prefix in _REPEATED


def unpack_raw_profile(text: Text) -> tuple[str, bytes] | None:
    """Metadata in hexadecimal digits, as ImageMagick, exiv2, darktable and GIMP write them.

    Returns:
        "exif", "xmp", "iptc" or "icc", and the data; None for any other text.

    Raises:
        DamagedTextError: the digits or their number are wrong.
    """
    if not text.keyword.startswith(_PROFILE_PREFIX):
        return None
    lines = text.text.strip().split("\n", 2)  # a name, the number of bytes, the digits
    try:
        size, data = int(lines[1]), bytes.fromhex("".join(lines[2].split()))
    except (ValueError, IndexError):
        raise DamagedTextError(f"{text.keyword}: no hexadecimal digits") from None
    if size != len(data):
        raise DamagedTextError(f"{text.keyword}: {len(data)} of {size} bytes")
    if data.startswith((exif.PREFIX, b"II*\0", b"MM\0*")):
        return "exif", exif.strip_prefix(data)
    if data.startswith(_XMP_PREFIX):
        return "xmp", data.removeprefix(_XMP_PREFIX)
    kind = text.keyword.removeprefix(_PROFILE_PREFIX).lower()
    if kind == "xmp":
        return "xmp", data
    if kind in ("iptc", "8bim"):
        records = iptc.clean(data)
        return None if records is None else ("iptc", records)
    if kind in ("icc", "icm"):
        return "icc", data
    return None


def pack_iptc(records: bytes) -> tuple[bytes, bytes]:
    """Packs IPTC into a raw profile, as exiv2 and ImageMagick write it; returns kind and body of the chunk."""
    digits = iptc.pack_resources(records).hex()
    size = len(digits) // 2
    lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    profile = f"\niptc\n{size:8d}\n{lines}\n".encode()
    return b"zTXt", f"{_PROFILE_PREFIX}iptc".encode() + b"\0\0" + zlib.compress(profile)
