"""Small sound pictures of every format, depth and kind of metadata: what the fuzzer damages."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms


def make_seeds() -> dict[str, bytes]:
    """Files by name."""
    return {**_make_jpegs(), **_make_pngs(), **_make_webps(), **_make_tiffs(), **_make_bitmaps()}


def _pixels(channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(channels)
    smooth = np.add.outer(np.arange(24) * 5, np.arange(32) * 3)[..., None] + rng.integers(0, 40, (24, 32, channels))
    if np.dtype(dtype).kind == "f":
        return (smooth / 255).astype(dtype)
    return (smooth * (np.iinfo(dtype).max // 255)).astype(dtype)


def _by_pillow(format_: str, image: Image.Image | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image or Image.fromarray(_pixels())).save(stream, format_, **options)
    return stream.getvalue()


def _metadata() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A], exif[0x011B] = 6, "Maker", 300.0, 300.0
    exif[0x8769] = {0x9003: "2026:11:23 12:00:00", 0x927C: bytes(range(60)), 0xA002: 32, 0xA003: 24}
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 1.5)}
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif.tobytes(), "icc_profile": profile, "xmp": packet}


def _make_jpegs() -> dict[str, bytes]:
    image = Image.fromarray(_pixels())
    plain = _by_pillow("JPEG")
    return {
        "jpeg": plain,
        "jpeg-metadata": _by_pillow("JPEG", **_metadata(), dpi=(300, 300), comment=b"a comment"),
        "jpeg-progressive": _by_pillow("JPEG", progressive=True, **_metadata()),
        "jpeg-grey": _by_pillow("JPEG", image.convert("L")),
        "jpeg-cmyk": _by_pillow("JPEG", image.convert("CMYK")),
        "jpeg-restarts": _by_pillow("JPEG", restart_marker_blocks=1),
        "jpeg-stray-bytes": plain[:20] + bytes(5) + plain[20:-2] + bytes(20),
        "jpeg-12-bits": imagecodecs.jpeg8_encode(_pixels(3, np.uint16) >> 4, bitspersample=12),
        "jpeg-lossless": imagecodecs.jpeg8_encode(_pixels(3, np.uint16), lossless=True, bitspersample=16),
        "jpeg-several": _by_pillow("MPO", save_all=True, append_images=[image]),
    }


def _pack_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _make_pngs() -> dict[str, bytes]:
    image = Image.fromarray(_pixels())
    seeds = {
        f"png-{channels}-{np.dtype(dtype).name}": imagecodecs.png_encode(_pixels(channels, dtype).squeeze())
        for channels in (1, 2, 3, 4)
        for dtype in (np.uint8, np.uint16)
    }
    plain = seeds["png-3-uint8"]
    texts = _pack_chunk(b"tEXt", b"Comment\0words") + _pack_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"more words"))
    hexadecimal = b"\nexif\n%8d\n" % 20 + (b"Exif\0\0II*\0\x08\0\0\0" + bytes(6)).hex().encode() + b"\n"
    old_exif = _pack_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexadecimal))
    colour = _pack_chunk(b"gAMA", struct.pack(">I", 45455)) + _pack_chunk(b"cICP", bytes([9, 16, 0, 1]))
    return {
        **seeds,
        "png-metadata": _by_pillow("PNG", **_metadata(), dpi=(300, 300)),
        "png-chunks": plain[:33] + colour + texts + old_exif + plain[33:],
        "png-palette": _by_pillow("PNG", image.quantize(16), transparency=3),
        "png-one-bit": _by_pillow("PNG", image.convert("1")),
        "png-animated": _by_pillow("PNG", save_all=True, append_images=[image.rotate(90)]),
    }


def _make_webps() -> dict[str, bytes]:
    small = Image.fromarray(_pixels()).convert("RGBA")
    return {
        "webp": _by_pillow("WEBP", quality=80),
        "webp-lossless": _by_pillow("WEBP", lossless=True),
        "webp-alpha": _by_pillow("WEBP", small, quality=80),
        "webp-metadata": _by_pillow("WEBP", **_metadata()),
        "webp-animated": _by_pillow("WEBP", save_all=True, append_images=[small.rotate(90)], **_metadata()),
    }


def _by_tifffile(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, metadata=None, rowsperstrip=8, **options)
    return stream.getvalue()


def _make_tiffs() -> dict[str, bytes]:
    image = Image.fromarray(_pixels())
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(_pixels()[::2, ::2], photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        file.write(_pixels(), photometric="rgb", metadata=None)
    return {
        "tiff": _by_tifffile(_pixels(), photometric="rgb"),
        "tiff-big": _by_tifffile(_pixels(), photometric="rgb", bigtiff=True),
        "tiff-deflate": _by_tifffile(_pixels(3, np.uint16), photometric="rgb", compression="zlib", predictor=True),
        "tiff-float": _by_tifffile(_pixels(3, np.float32), photometric="rgb", byteorder=">"),
        "tiff-planes": _by_tifffile(_pixels().transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        "tiff-alpha": _by_tifffile(_pixels(4), photometric="rgb", extrasamples=["assocalpha"]),
        "tiff-cmyk": _by_tifffile(_pixels(4), photometric="separated"),
        "tiff-lab": _by_tifffile(_pixels(), photometric="cielab"),
        "tiff-ycbcr": _make_ycbcr_tiff(),
        "tiff-tiles": _by_tifffile(_pixels()[..., 0], photometric="minisblack", tile=(16, 16), compression="lzw"),
        "tiff-palette": _by_pillow("TIFF", image.quantize(16)),
        "tiff-fax": _by_pillow("TIFF", image.convert("1"), compression="group4"),
        "tiff-jpeg": _by_pillow("TIFF", compression="jpeg"),
        "tiff-metadata": _by_pillow("TIFF", **{k: v for k, v in _metadata().items() if k != "xmp"}),
        "tiff-pages": stream.getvalue(),
    }


def _make_ycbcr_tiff() -> bytes:
    """YCbCr with colour in half the resolution, which no writer at hand makes: 12 x 16 units of six bytes."""
    data = bytearray(_by_tifffile(_pixels(1).squeeze(), photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = {tag.code: (tag.offset, tag.valueoffset) for tag in file.pages.first.tags}
    for number, value in ((258, 8), (262, 6), (277, 3), (278, 24)):
        struct.pack_into("<HIHH", data, tags[number][0] + 2, 3, 1, value, 0)
    struct.pack_into("<HII", data, tags[273][0] + 2, 4, 1, len(data))
    struct.pack_into("<HII", data, tags[279][0] + 2, 4, 1, 12 * 16 * 6)
    return bytes(data) + bytes(range(192)) * 6


def _make_bitmaps() -> dict[str, bytes]:
    image = Image.fromarray(_pixels())
    return {
        "bmp": _by_pillow("BMP", dpi=(300, 300)),
        "bmp-alpha": _by_pillow("BMP", image.convert("RGBA")),
        "bmp-bit-fields": _make_bit_fields(),
        "bmp-palette": _by_pillow("BMP", image.quantize(16)),
        "gif": _by_pillow("GIF", image.quantize(16), transparency=3),
        "gif-animated": _by_pillow("GIF", save_all=True, append_images=[image.rotate(90)]),
    }


def _make_bit_fields() -> bytes:
    """A BMP file of 16 bits a pixel in a header of 108 bytes, with a mask for alpha."""
    header = struct.pack("<IiiHHIIiiII4I52x", 108, 32, 24, 1, 16, 3, 0, 2835, 2835, 0, 0, 0x7C00, 0x3E0, 0x1F, 0x8000)
    return b"BM" + struct.pack("<IHHI", 122 + 32 * 24 * 2, 0, 0, 122) + header + bytes(range(192)) * 8
