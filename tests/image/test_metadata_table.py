"""What becomes of each kind of metadata in each format: the table in docs/design/image.md, made by doing it.

After a change run ``SRDGAN_UPDATE_DOCS=1 pytest tests/image/test_metadata_table.py`` and read what the table says.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from srdgan_rt.image import Picture, read_picture, write_picture

DOCUMENT = Path(__file__).parents[2] / "docs" / "design" / "image.md"
BEGIN, END = "<!-- begin of the table of metadata -->\n", "<!-- end of the table of metadata -->\n"
FORMATS = {"JPEG": "jpg", "PNG": "png", "TIFF": "tif", "WebP": "webp"}
SCALE = 4


@dataclass
class Result:
    """A written file, as other readers see it; XMP, which Pillow does not put together, as we do."""

    path: Path
    notes: str
    picture: Picture

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def image(self) -> Image.Image:
        image = Image.open(self.path)
        image.load()
        return image

    def exif(self, tag: int, directory: int | None = None) -> object:
        block = self.image.getexif()
        value = (block if directory is None else block.get_ifd(directory)).get(tag)
        return value.rstrip("\0") if isinstance(value, str) else value

    def xmp(self, name: str) -> str | None:
        """The first attribute or element of this local name in the XMP packet."""
        if self.picture.metadata.xmp is None:
            return None
        for element in ElementTree.fromstring(self.picture.metadata.xmp).iter():
            found = [value for key, value in element.attrib.items() if key.endswith(f"}}{name}")]
            if element.tag.endswith(f"}}{name}"):
                found.append("".join(element.itertext()))
            if found:
                return found[0]
        return None


@dataclass(frozen=True)
class Kind:
    """One kind of metadata.

    Attributes:
        name: the row's head.
        extension: of the file that has it.
        make: builds the file; gets the fixture ``maker``.
        holds: whether the result still has it, true of the new pixels; or a word for what it has.
        word: what to call it if it is held whole; behind "|" what to call that in other formats than PNG.
        note: what a note about its loss must say.
    """

    name: str
    extension: str
    make: Callable[..., bytes]
    holds: Callable[[Result], bool | str]
    word: str = "kept"
    note: str = "no such note"


def _short(*values: int) -> tuple[int, int, bytes]:
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def _text(text: str) -> tuple[int, int, bytes]:
    return 2, len(text) + 1, text.encode() + b"\0"


def _rational(numerator: int, denominator: int) -> tuple[int, int, bytes]:
    return 5, 1, struct.pack("<II", numerator, denominator)


def _blob(data: bytes) -> tuple[int, int, bytes]:
    return 7, len(data), data


def _never(result: Result) -> bool:
    return False


def _jpeg_exif(*directories: dict[int, tuple[int, int, bytes]]) -> Callable[..., bytes]:
    return lambda maker: maker.jpeg_with(exif=maker.exif(*directories))


def _jpeg_xmp(attributes: str = "", elements: str = "", orientation: int = 1) -> Callable[..., bytes]:
    return lambda maker: maker.jpeg_with(
        exif=maker.exif({0x0112: _short(orientation)}), xmp=maker.xmp(attributes, elements)
    )


def _png_text(keyword: str, text: str) -> Callable[..., bytes]:
    return lambda maker: maker.png((b"tEXt", f"{keyword}\0{text}".encode()))


def _png_chunks(*chunks: tuple[bytes, bytes]) -> Callable[..., bytes]:
    return lambda maker: maker.png(*chunks)


def _resources(number: int, body: bytes) -> bytes:
    return b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body


IPTC = b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x19\x00\x04lake" + b"\x1c\x02\x78\x00\x06A lake"
MAKER_NOTE = b"MAKER\0 whose offsets count from the start of the block"
ICC = imagecodecs.cms_profile("rgb", gamma=1.8)
AREA = 'stArea:x="0.25" stArea:y="0.25" stArea:w="0.125" stArea:h="0.25" stArea:unit="normalized"'
REGIONS = f"""<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="32" stDim:h="24"
 stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource"><mwg-rs:Area {AREA}/></rdf:li>
 </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""
CONTAINER = """<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{}"
 Item:Length="9"/></rdf:li></rdf:Seq></Container:Directory>"""
FOCAL_PLANE = {0xA20E: _rational(1000, 10), 0xA20F: _rational(300, 10)}
PANORAMA = 'GPano:FullPanoWidthPixels="64" GPano:CroppedAreaImageWidthPixels="32"'
PHYSICAL = struct.pack(">IIB", 0x7FFFFFFF, 0x7FFFFFFF, 1)
HDR = (b"cICP", bytes([9, 16, 0, 1]))


def _holds_iptc(result: Result) -> bool:
    if result.path.suffix == ".png":
        digits = zlib.decompress(result.data.split(b"Raw profile type iptc\0\0")[1][:500])
        return IPTC.hex() in digits.decode().replace("\n", "")
    return IPTC in result.data


def _holds_maker_note(result: Result) -> bool:
    offset = result.data.find(MAKER_NOTE) - result.data.find(b"II*\0")
    return offset == 44  # behind the header and two directories of one entry


def _holds_long_note(result: Result) -> bool | str:
    if result.exif(0x010F) != "Maker":
        return False
    return bytes(70_000) in result.data or "shortened"


def _shows_linear_light(result: Result) -> bool:
    """Whether a colour-managed viewer shows twice the number as twice the light."""
    if result.path.suffix == ".png":
        return b"gAMA\0\x01\x86\xa0" in result.data
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    grey = Image.new("RGB", (1, 1), (128, 128, 128))
    own = ImageCms.ImageCmsProfile(io.BytesIO(result.image.info["icc_profile"]))
    (shown, _, _) = ImageCms.profileToProfile(grey, own, profile).getpixel((0, 0))
    return abs(shown - 188) <= 1  # half of the light


def _has_profile(result: Result) -> bool:
    return result.path.suffix == ".png" or "icc_profile" in result.image.info


def _matches(text: str | None, numbers: list[float]) -> bool:
    return text is not None and np.allclose([float(number) for number in text.split()], numbers, atol=1e-6)


KINDS = [
    Kind(
        "EXIF: camera, exposure, GPS",
        "jpg",
        _jpeg_exif({0x010F: _text("Maker")}, {0x8827: _short(800)}),
        lambda r: r.exif(0x010F) == "Maker" and r.exif(0x8827, 0x8769) == 800,
    ),
    Kind(
        "EXIF maker note, at the offset that its own offsets need",
        "jpg",
        _jpeg_exif({}, {0x927C: _blob(MAKER_NOTE)}),
        _holds_maker_note,
    ),
    Kind(
        "EXIF above 64 kB",
        "png",
        lambda m: m.png((b"eXIf", m.exif({0x010F: _text("Maker")}, {0x927C: _blob(bytes(70_000))}))),
        _holds_long_note,
        note="maker note dropped",
    ),
    Kind(
        "EXIF and XMP orientation",
        "jpg",
        _jpeg_xmp('tiff:Orientation="6"', orientation=6),
        lambda r: (r.exif(0x0112) in (1, None), r.xmp("Orientation"), r.image.size) == (True, "1", (96, 128)),
        "updated",
    ),
    Kind(
        "EXIF and XMP sizes of the picture",
        "jpg",
        lambda m: m.jpeg_with(
            exif=m.exif({}, {0xA002: _short(32)}, {0x1001: _short(32)}), xmp=m.xmp('exif:PixelXDimension="32"')
        ),
        lambda r: (r.exif(0xA002, 0x8769), r.xmp("PixelXDimension")) == (128, "128"),
        "updated",
    ),
    Kind(
        "EXIF and XMP subject area",
        "jpg",
        lambda m: m.jpeg_with(
            exif=m.exif({0x0112: _short(3)}, {0x9214: _short(8, 6, 4, 2)}),
            xmp=m.xmp(
                "", "<exif:SubjectArea><rdf:Seq><rdf:li>8</rdf:li> <rdf:li>6</rdf:li></rdf:Seq></exif:SubjectArea>"
            ),
        ),
        lambda r: r.exif(0x9214, 0x8769) == (96, 72, 16, 8) and (r.xmp("SubjectArea") or "").split() == ["96", "72"],
        "updated",
    ),
    Kind(
        "EXIF and XMP focal plane resolution",
        "jpg",
        lambda m: m.jpeg_with(
            exif=m.exif({0x0112: _short(6)}, FOCAL_PLANE),
            xmp=m.xmp('exif:FocalPlaneXResolution="100/1" exif:FocalPlaneYResolution="30/1"'),
        ),
        lambda r: (r.exif(0xA20E, 0x8769), r.xmp("FocalPlaneXResolution")) == (120, "120/1"),
        "updated",
    ),
    Kind(
        "thumbnails of EXIF and XMP, small copies of the picture",
        "jpg",
        _jpeg_xmp("", "<xmp:Thumbnails>abcd</xmp:Thumbnails>"),
        lambda r: r.xmp("Thumbnails") is None and not r.notes,
        "removed",
    ),
    Kind(
        "EXIF that is damaged or above 4 MB",
        "jpg",
        lambda m: m.jpeg_with(exif=b"II*\0\xff"),
        _never,
        note="EXIF",
    ),
    Kind(
        "ICC profile",
        "png",
        lambda m: m.png((b"iCCP", b"p\0\0" + zlib.compress(ICC))),
        lambda r: r.image.info.get("icc_profile") == ICC,
    ),
    Kind(
        "resolution",
        "png",
        _png_chunks((b"pHYs", struct.pack(">IIB", 11811, 11811, 1))),
        lambda r: np.allclose(r.picture.metadata.dpi, 300),
    ),
    Kind(
        "resolution that is out of range",
        "jpg",
        _jpeg_exif({0x011A: _rational(200_000_000, 1), 0x011B: _rational(200_000_000, 1)}),
        lambda r: r.picture.metadata.dpi is not None and not r.notes,
        note="dpi reduced",
    ),
    Kind(
        "XMP properties that we do not know",
        "jpg",
        _jpeg_xmp('my:own="&lt;&#10;&gt;"', "<my:list><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></my:list>"),
        lambda r: (r.xmp("own"), r.xmp("list")) == ("<\n>", "a"),
    ),
    Kind(
        "XMP above 64 kB",
        "png",
        lambda m: m.png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + m.xmp('my:long="' + "x" * 70_000 + '"'))),
        lambda r: len(r.xmp("long") or "") == 70_000,
    ),
    Kind(
        "XMP that is damaged or hostile",
        "jpg",
        lambda m: m.jpeg_with(xmp=b"<!DOCTYPE a>" + m.xmp()),
        _never,
        note="XMP dropped",
    ),
    Kind(
        "XMP panorama (GPano)", "jpg", _jpeg_xmp(PANORAMA), lambda r: r.xmp("FullPanoWidthPixels") == "256", "updated"
    ),
    Kind(
        "XMP panorama of a picture that was turned",
        "jpg",
        _jpeg_xmp(PANORAMA, orientation=6),
        lambda r: r.xmp("FullPanoWidthPixels") is not None,
        note="panorama",
    ),
    Kind(
        "XMP regions of MWG and ACDSee",
        "jpg",
        _jpeg_xmp("", REGIONS, orientation=6),
        lambda r: _matches(r.xmp("x"), [0.75]) and _matches(r.xmp("w"), [96]) and _matches(r.xmp("h"), [128]),
        "updated",
    ),
    Kind(
        "XMP regions of Microsoft",
        "jpg",
        _jpeg_xmp(
            "",
            '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li '
            'MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>',
            orientation=3,
        ),
        lambda r: _matches((r.xmp("Rectangle") or "").replace(",", ""), [0.6, 0.4, 0.3, 0.4]),
        "updated",
    ),
    Kind(
        "XMP regions of IPTC",
        "jpg",
        _jpeg_xmp(
            "",
            "<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li><rdf:Description><Iptc4xmpExt:RegionBoundary "
            'Iptc4xmpExt:rbUnit="pixel" Iptc4xmpExt:rbShape="rectangle" Iptc4xmpExt:rbX="2" Iptc4xmpExt:rbY="3" '
            'Iptc4xmpExt:rbW="10" Iptc4xmpExt:rbH="4"/></rdf:Description></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>',
        ),
        lambda r: [r.xmp(name) for name in ("rbX", "rbY", "rbW", "rbH")] == ["8", "12", "40", "16"],
        "updated",
    ),
    Kind(
        "XMP crop settings of a picture that was turned",
        "jpg",
        _jpeg_xmp('crs:CropTop="0.1"', orientation=6),
        lambda r: r.xmp("CropTop") is not None,
        note="crop settings",
    ),
    Kind(
        "motion photo: the video and what XMP says of it",
        "jpg",
        _jpeg_xmp('GCamera:MotionPhoto="1"', CONTAINER.format("MotionPhoto")),
        lambda r: r.xmp("MotionPhoto") is not None or r.xmp("Semantic") is not None,
        note="motion photo",
    ),
    Kind(
        "HDR gain map and what XMP says of it",
        "jpg",
        _jpeg_xmp('hdrgm:Version="1.0"', CONTAINER.format("GainMap")),
        lambda r: r.xmp("Version") is not None or r.xmp("Semantic") is not None,
        note="gain map",
    ),
    Kind(
        "depth map and what XMP says of it",
        "jpg",
        _jpeg_xmp('GDepth:Mime="image/png" GDepth:Data="aaaa"'),
        lambda r: r.xmp("Data") is not None,
        note="depth map",
    ),
    Kind(
        "further pictures (MPF, GImage)",
        "jpg",
        lambda m: m.jpeg((0xE2, b"MPF\0II*\0\x08\0\0\0\0\0")),
        lambda r: b"MPF\0" in r.data,
        note="several pictures",
    ),
    Kind(
        "reference to extended XMP that is missing",
        "jpg",
        _jpeg_xmp('xmpNote:HasExtendedXMP="' + "0" * 32 + '"'),
        lambda r: r.xmp("HasExtendedXMP") is not None,
        note="extended XMP",
    ),
    Kind(
        "IPTC",
        "jpg",
        lambda m: m.jpeg((0xED, _resources(0x0404, IPTC))),
        lambda r: r.path.suffix != ".webp" and _holds_iptc(r),
        note="IPTC",
    ),
    Kind(
        "Photoshop's other resources",
        "jpg",
        lambda m: m.jpeg((0xED, _resources(0x0408, b"guides"))),
        _never,
        note="Photoshop",
    ),
    Kind("comment of JPEG or GIF", "jpg", lambda m: m.jpeg((0xFE, b"a rainy day")), lambda r: b"a rainy day" in r.data),
    Kind(
        "PNG text: Title, Description, Author, Copyright, Software",
        "png",
        _png_text("Author", "A. Painter"),
        lambda r: r.image.info.get("Author", r.exif(0x013B)) == "A. Painter",
    ),
    Kind("PNG text: Comment, parameters", "png", _png_text("parameters", "a tree"), lambda r: b"a tree" in r.data),
    Kind(
        "PNG text under other keywords",
        "png",
        _png_text("prompt", "a bird"),
        lambda r: b"a bird" in r.data,
        note="texts: prompt",
    ),
    Kind(
        "PNG texts that repeat EXIF (exif:, tiff:)",
        "png",
        _png_text("exif:ImageWidth", "32"),
        lambda r: b"ImageWidth" in r.data,
        note="repeat",
    ),
    Kind(
        "PNG gAMA and cHRM",
        "png",
        _png_chunks((b"gAMA", struct.pack(">I", 100_000))),
        _shows_linear_light,
        "kept|as ICC profile",
    ),
    Kind(
        "PNG cICP of SDR colours",
        "png",
        _png_chunks((b"cICP", bytes([12, 13, 0, 1]))),
        _has_profile,
        "kept|as ICC profile",
    ),
    Kind(
        "PNG cICP of HDR colours (PQ, HLG), mDCV, cLLI",
        "png",
        _png_chunks(HDR),
        _has_profile,
        "kept|as ICC profile",
        note="HDR",
    ),
    Kind("content credentials (C2PA)", "jpg", lambda m: m.jpeg((0xEB, b"JP\0\x01jumb")), _never, note="C2PA"),
    Kind("other chunks, segments and tags", "tif", lambda m: m.tiff({33550: (12, bytes(24))}), _never, note="33550"),
]


def _enlarge(picture: Picture) -> Picture:
    return replace(picture, pixels=picture.pixels.repeat(SCALE, 0).repeat(SCALE, 1))


def _find_outcome(kind: Kind, result: Result, format_: str) -> str:
    held = kind.holds(result)
    is_noted = kind.note in result.notes
    kept, _, converted = kind.word.partition("|")
    word = converted if converted and format_ != "PNG" else kept
    if held:
        word = held if isinstance(held, str) else word
        return f"{word}, noted" if is_noted else word
    return "noted" if is_noted else "LOST IN SILENCE"


@pytest.fixture(scope="module")
def outcomes(maker, tmp_path_factory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("kinds")
    found: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        source = folder / f"source.{kind.extension}"
        source.write_bytes(kind.make(maker))
        picture = read_picture(source)
        for format_, extension in FORMATS.items():
            path = folder / f"result.{extension}"
            notes = (*picture.notes, *write_picture(path, _enlarge(picture)))
            result = Result(path, "\n".join(notes), read_picture(path))
            found.setdefault(kind.name, {})[format_] = _find_outcome(kind, result, format_)
    return found


def test_nothing_is_lost_in_silence(outcomes):
    assert [(name, row) for name, row in outcomes.items() if "LOST IN SILENCE" in row.values()] == []


def test_document_has_the_table(outcomes):
    lines = [f"| | {' | '.join(FORMATS)} |", "|---" * (len(FORMATS) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(row.values())} |" for name, row in outcomes.items()]
    table = BEGIN + "\n".join(lines) + "\n" + END
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(re.escape(BEGIN) + ".*?" + re.escape(END), text, re.DOTALL)
    assert found is not None
    if os.environ.get("SRDGAN_UPDATE_DOCS"):
        DOCUMENT.write_text(text.replace(found[0], table), encoding="utf-8")
    else:
        assert found[0] == table
