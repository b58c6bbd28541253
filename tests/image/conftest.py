"""Makers of pictures, metadata and files that the tests of the image room share.

They are written with other means (Pillow, tifffile, plain bytes) than the code under test wherever that is possible.
"""

from __future__ import annotations

import io
import itertools
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

MAKER_NOTE = b"MAKER\0" + bytes(range(200))
THUMBNAIL = b"\xff\xd8 this is the thumbnail \xff\xd9"


def _pack_icc_tag(signature: bytes, body: bytes) -> bytes:
    return signature + bytes(4) + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _to_lab(rgb: np.ndarray) -> bytes:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.43607, 0.38506, 0.14308], [0.2225, 0.71688, 0.06062], [0.01393, 0.0971, 0.71417]])
    x, y, z = np.cbrt(to_xyz @ linear / np.array([0.9642, 1, 0.8249]))
    lightness, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    return bytes([round(max(lightness, 0) * 2.55), round(a) + 128, round(b) + 128])


@pytest.fixture(scope="session")
def icc_cmyk() -> bytes:
    """A CMYK profile of 16 corners whose black ink, unlike plain arithmetic, is a dark red."""
    corners = []
    for c, m, y, k in itertools.product((0, 1), repeat=4):
        light = np.array([1 - c, 1 - m, 1 - y], float)
        corners.append(_to_lab(light * np.array([0.25, 0.02, 0.02]) if k else light))
    identity = bytes(range(256))
    table = bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + identity * 4 + b"".join(corners) + identity * 3
    tags = [
        (b"desc", _pack_icc_tag(b"desc", struct.pack(">I", 5) + b"inks\0" + bytes(78))),
        (b"cprt", _pack_icc_tag(b"text", b"none\0")),
        (b"wtpt", _pack_icc_tag(b"XYZ ", _fixed(0.9642, 1, 0.8249))),
        (b"A2B0", _pack_icc_tag(b"mft1", table)),
    ]
    offset = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for signature, data in tags:
        data += bytes(-len(data) % 4)
        directory += signature + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + directory + body


@pytest.fixture(scope="session")
def icc_rgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="session")
def icc_grey() -> bytes:
    return imagecodecs.cms_profile("gray", gamma=2.2)


@pytest.fixture(scope="session")
def xmp() -> bytes:
    return FileMaker().xmp('tiff:Orientation="6" exif:PixelXDimension="4000" dc:title="Gr\u00fc\u00dfe"')


XMP_NAMESPACES = {
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "my": "http://example.com/private/",
}


@pytest.fixture(scope="session")
def make_exif() -> Callable[..., bytes]:
    """Builds an EXIF block as a phone writes it, with Pillow; ``order`` is the byte order."""

    def make(orientation: int | None = 1, order: str = "<", *, thumbnail: bool = True) -> bytes:
        block = Image.Exif()
        block.endian = order
        if orientation is not None:
            block[ExifTags.Base.Orientation] = orientation
        block[ExifTags.Base.Make] = "Maker"
        block[ExifTags.Base.Model] = "Phone 1"
        block[ExifTags.Base.ImageDescription] = "a test"
        block[ExifTags.Base.XResolution] = 300.0
        block[ExifTags.Base.YResolution] = 300.0
        block[ExifTags.Base.ResolutionUnit] = 2
        block[ExifTags.IFD.Exif] = {
            ExifTags.Base.ExposureTime: 0.005,
            ExifTags.Base.ISOSpeedRatings: 800,
            ExifTags.Base.DateTimeOriginal: "2026:11:23 12:00:00",
            ExifTags.Base.ExifImageWidth: 4000,
            ExifTags.Base.ExifImageHeight: 3000,
            ExifTags.Base.MakerNote: MAKER_NOTE,
        }
        block[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 30.0, 1.5), 3: "E", 4: (13.0, 24.0, 0.5)}
        data = block.tobytes().removeprefix(b"Exif\0\0")
        return _with_thumbnail(data, order) if thumbnail else data

    return make


def _with_thumbnail(block: bytes, order: str) -> bytes:
    """Chains a second directory with a thumbnail to the block, as phones do."""
    block += bytes(len(block) % 2)
    (ifd,) = struct.unpack_from(order + "I", block, 4)
    (number,) = struct.unpack_from(order + "H", block, ifd)
    pointer = ifd + 2 + 12 * number
    start = len(block)
    directory = struct.pack(order + "H", 2)
    directory += struct.pack(order + "HHII", 0x0201, 4, 1, start + 2 + 24 + 4)
    directory += struct.pack(order + "HHII", 0x0202, 4, 1, len(THUMBNAIL)) + bytes(4)
    return block[:pointer] + struct.pack(order + "I", start) + block[pointer + 4 :] + directory + THUMBNAIL


@pytest.fixture(scope="session")
def read_exif() -> Callable[[bytes], dict[str, object]]:
    """What Pillow, an independent reader, finds in a block: names to values, nested directories included."""

    def read(block: bytes) -> dict[str, object]:
        parsed = Image.Exif()
        parsed.load(b"Exif\0\0" + block)
        found: dict[str, object] = {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in parsed.items()}
        found.update({ExifTags.TAGS.get(t, str(t)): v for t, v in parsed.get_ifd(ExifTags.IFD.Exif).items()})
        found["GPS"] = parsed.get_ifd(ExifTags.IFD.GPSInfo)
        found["thumbnail"] = parsed.get_ifd(ExifTags.IFD.IFD1)
        return found

    return read


@pytest.fixture(scope="session")
def make_pixels() -> Callable[..., np.ndarray]:
    """A smooth picture that no flip or turn maps to itself, with every channel different."""

    def make(height: int, width: int, channels: int = 3, dtype: object = np.uint8) -> np.ndarray:
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        planes = [(0.2 + 0.5 * x / width + 0.25 * y / height) * (1 - 0.2 * c) for c in range(channels)]
        values = planes[0] if channels == 1 else np.stack(planes, -1)
        dtype = np.dtype(dtype)
        return (values * np.iinfo(dtype).max).astype(dtype) if dtype.kind == "u" else values.astype(dtype)

    return make


def pack_png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    """A PNG file from raw rows, chunk by chunk, with any bit depth and colour type."""

    def make(
        width: int, height: int, bits: int, colour_type: int, rows: bytes, chunks: tuple[tuple[bytes, bytes], ...] = ()
    ) -> bytes:
        head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
        parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(pack_png_chunk(*part) for part in parts)

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Stores bytes under a name and returns the path."""

    def store(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return store


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encodes an array or a Pillow image by Pillow."""

    def to_bytes(picture: np.ndarray | Image.Image, format_: str, **options: object) -> bytes:
        stream = io.BytesIO()
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        image.save(stream, format_, **options)
        return stream.getvalue()

    return to_bytes


class FileMaker:
    """Builds picture files of 32 x 24 pixels around metadata, with nothing but Pillow's encoder and plain bytes."""

    width, height = 32, 24

    def __init__(self) -> None:
        y, x = np.mgrid[0 : self.height, 0 : self.width]
        self.pixels = np.stack([x * 8, y * 10, x + y], -1).astype(np.uint8)

    def jpeg(self, *segments: tuple[int, bytes], tail: bytes = b"") -> bytes:
        """A JPEG file with segments (marker, body) in front and bytes behind."""
        stream = io.BytesIO()
        Image.fromarray(self.pixels).save(stream, "JPEG", quality=95)
        packed = (struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
        return stream.getvalue()[:2] + b"".join(packed) + stream.getvalue()[2:] + tail

    def jpeg_with(self, *, exif: bytes | None = None, xmp: bytes | None = None) -> bytes:
        """A JPEG file with an EXIF block and an XMP packet."""
        segments = [(0xE1, b"Exif\0\0" + exif)] if exif is not None else []
        segments += [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)] if xmp is not None else []
        return self.jpeg(*segments)

    def png(self, *chunks: tuple[bytes, bytes]) -> bytes:
        """A PNG file with chunks between header and pixels."""
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        rows = b"".join(b"\0" + row.tobytes() for row in self.pixels)
        parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(pack_png_chunk(*part) for part in parts)

    def tiff(self, tags: dict[int, tuple[int, bytes]]) -> bytes:
        """A TIFF file with more tags: number to type and value."""
        stream = io.BytesIO()
        sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8}
        extra = [(tag, kind, len(value) // sizes[kind], value, True) for tag, (kind, value) in tags.items()]
        tifffile.imwrite(stream, self.pixels, photometric="rgb", extratags=extra, metadata=None, software=False)
        return stream.getvalue()

    def xmp(self, attributes: str = "", elements: str = "") -> bytes:
        """An XMP packet of properties in the two forms of RDF; see ``XMP_NAMESPACES`` for the prefixes."""
        text = attributes + elements
        used = (f'xmlns:{p}="{uri}"' for p, uri in XMP_NAMESPACES.items() if re.search(rf"\b{p}:", text))
        rdf = f'<rdf:Description rdf:about="" {" ".join(used)} {attributes}>{elements}</rdf:Description></rdf:RDF>'
        start = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        return f"{start}{rdf}</x:xmpmeta>".encode()

    def exif(self, *directories: dict[int, tuple[int, int, bytes]], order: str = "<") -> bytes:
        """An EXIF block: IFD0, then the Exif directory, then the interoperability directory.

        Each maps tags to type, count and value in the byte order given. A value may lie anywhere but does not move when
        others change, so a maker note can be made for its offset.
        """
        block = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
        pointers = (0x8769, 0xA005)
        for depth, tags in enumerate(directories):
            has_more = depth + 1 < len(directories)
            count = len(tags) + has_more
            entries, values = {}, b""
            start = len(block) + 2 + 12 * count + 4
            for tag, (kind, number, value) in tags.items():
                values += bytes(len(values) % 2)
                field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", start + len(values))
                values += value if len(value) > 4 else b""
                entries[tag] = struct.pack(order + "HHI", tag, kind, number) + field
            values += bytes(len(values) % 2)
            if has_more:
                entries[pointers[depth]] = struct.pack(order + "HHII", pointers[depth], 4, 1, start + len(values))
            listed = b"".join(entries[tag] for tag in sorted(entries))
            block += struct.pack(order + "H", count) + listed + bytes(4) + values
        return block


@pytest.fixture(scope="session")
def maker() -> FileMaker:
    return FileMaker()
