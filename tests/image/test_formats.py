"""Every format that users have is known by its first bytes, whatever the file's name says."""

import importlib.util

import pytest

from srdgan_rt.errors import ImageReadError
from srdgan_rt.image import KNOWN_UNREADABLE, READABLE_EXTENSIONS, formats, read_picture
from srdgan_rt.image.formats import FORMATS, detect_format


def _ftyp(major, *compatible):
    brands = b"".join((b"ftyp", major, bytes(4), *compatible))
    return (len(brands) + 4).to_bytes(4, "big") + brands


HEADS = {
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "WebP": b"RIFF\x0a\0\0\0WEBPVP8 ",
    "GIF": b"GIF89a",
    "BMP": b"BM\x36\0\0\0",
    "TIFF": b"II*\0\x08\0\0\0",
    "Canon CR2 raw": b"II*\0\x10\0\0\0CR\x02\0",
    "Canon CR3 raw": _ftyp(b"crx ", b"crx ", b"isom"),
    "Canon CRW raw": b"II\x1a\0\0\0HEAPCCDR",
    "Fujifilm raw": b"FUJIFILMCCD-RAW 0201",
    "Minolta raw": b"\0MRM\0\1",
    "Olympus raw": b"IIRO\x08\0\0\0",
    "Panasonic raw": b"IIU\0\x18\0\0\0",
    "Phase One raw": b"II*\0\x08\0\0\0IIIITWAR",
    "Sigma raw": b"FOVb\0\0\2\0",
    "HEIC": _ftyp(b"heic", b"mif1"),
    "AVIF": _ftyp(b"avif", b"mif1"),
    "HEIF": _ftyp(b"mif1", b"mif1", b"jpeg"),
    "JPEG XL": b"\xff\x0a\xfa\x1f",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "JPEG XR": b"II\xbc\1",
    "Photoshop": b"8BPS\0\1",
    "GIMP": b"gimp xcf v011",
    "OpenEXR": b"\x76\x2f\x31\x01\2\0\0\0",
    "Radiance HDR": b"#?RADIANCE\n",
    "PNM": b"P6\n12 24\n255\n",
    "QOI": b"qoif\0\0\0\1",
    "DPX": b"SDPX",
    "TGA": bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 24, 0, 24, 0]),
    "ICO": b"\0\0\1\0\1\0",
    "DDS": b"DDS \x7c\0\0\0",
    "MNG": b"\x8aMNG\r\n\x1a\n",
    "SVG": b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg">',
    "PDF": b"%PDF-1.7",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0",
    "HTML": b"\n<!doctype html><html>",
    "video": _ftyp(b"isom", b"mp42"),
    "ZIP": b"PK\3\4",
}


@pytest.mark.parametrize("name", HEADS)
def test_first_bytes_tell_the_format(name):
    found = detect_format(HEADS[name] + bytes(100))
    assert found is not None
    assert found.name == name


def test_all_signatures_are_tested():
    assert {f.name for f in FORMATS if f.signature} == set(HEADS)


@pytest.mark.parametrize(("brand", "name"), [(b"heic", "HEIC"), (b"avif", "AVIF")])
def test_container_without_its_coding_in_the_major_brand(brand, name):
    assert detect_format(_ftyp(b"mif1", b"miaf", brand)).name == name


@pytest.mark.parametrize("head", [b"\x30\x31", b"hello, this is text", bytes(100), b"RIFF\x04\0\0\0WAVE", b"\x1f\x8b"])
def test_unknown_bytes(head):
    assert detect_format(head) is None


@pytest.mark.parametrize("name", [f.name for f in FORMATS if f.signature and not f.reader])
def test_unreadable_format_is_named_whatever_the_file_is_called(name, save):
    with pytest.raises(ImageReadError, match=rf"a\.jpg: {name} files cannot be read") as caught:
        read_picture(save("a.jpg", HEADS[name] + bytes(100)))
    assert "\n" not in str(caught.value)


def test_endings_belong_to_one_format():
    endings = [ending for format_ in FORMATS for ending in format_.endings]
    assert len(endings) == len(set(endings))
    assert all(ending.startswith(".") and ending == ending.lower() for ending in endings)


def test_endings_of_photographs():
    assert {".jpg", ".jfif", ".jpe", ".pjpeg", ".png", ".tif", ".webp", ".bmp", ".gif"} < set(READABLE_EXTENSIONS)
    assert {".psd": "Photoshop", ".jp2": "JPEG 2000", ".jxl": "JPEG XL"}.items() < KNOWN_UNREADABLE.items()
    assert not set(READABLE_EXTENSIONS) & set(KNOWN_UNREADABLE)
    assert {".svg", ".mp4", ".html"}.isdisjoint(KNOWN_UNREADABLE)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(
    ("reader", "package", "endings"),
    [("raw", "rawpy", (".nef", ".cr3", ".dng")), ("heif", "pillow_heif", (".heic", ".heif"))],
)
def test_some_formats_are_readable_where_a_package_is(reader, package, endings, is_there, monkeypatch):
    is_installed = importlib.util.find_spec(package) is not None
    for ending in endings:
        assert (ending in READABLE_EXTENSIONS) == is_installed
        assert (ending in KNOWN_UNREADABLE) != is_installed
    monkeypatch.setitem(formats._INSTALLED, reader, is_there)
    assert all(f.is_readable == is_there for f in FORMATS if f.reader == reader)
