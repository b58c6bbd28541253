"""PNG's chunks: texts, raw profiles, XMP in all homes, colours, and damaged ones."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srdgan_rt.image import Metadata, Picture, Text, read_picture, write_picture
from srdgan_rt.image.png.metadata import read_metadata

IPTC = b"\x1c\x02\x19\x00\x04lake"
RESOURCES = struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(IPTC)) + IPTC + b"\0"


def _profile(name, data, width=72):
    digits = data.hex()
    lines = "\n".join(digits[i : i + width] for i in range(0, len(digits), width))
    return f"\n{name}\n{len(data):8d}\n{lines}\n".encode()


def _in_chunk(kind, keyword, text):
    middle = {b"tEXt": b"\0", b"zTXt": b"\0\0", b"iTXt": b"\0\0\0\0\0"}[kind]
    return kind, keyword + middle + (zlib.compress(text) if kind == b"zTXt" else text)


KINDS = pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])


@KINDS
@pytest.mark.parametrize(("keyword", "name"), [("exif", "exif"), ("APP1", "generic"), ("APP1", "APP1")])
@pytest.mark.parametrize("prefix", [b"Exif\0\0", b""])
def test_raw_exif_profiles_are_read_and_their_orientation_applied(kind, keyword, name, prefix, maker, save, read_exif):
    block = maker.exif({0x010F: (2, 6, b"Maker\0"), 0x0112: (3, 1, b"\6\0")}, {0x8827: (3, 1, b"\x90\1")})
    chunk = _in_chunk(kind, f"Raw profile type {keyword}".encode(), _profile(name, prefix + block))
    picture = read_picture(save("a.png", maker.png(chunk)))
    assert picture.pixels.shape == (32, 24, 3)
    found = read_exif(picture.metadata.exif)
    assert (found["Orientation"], found["ISOSpeedRatings"]) == (1, 400)
    assert (picture.metadata.texts, picture.notes) == ((), ())


@KINDS
@pytest.mark.parametrize("keyword", [b"XML:com.adobe.xmp", b"Raw profile type xmp", b"Raw profile type APP1"])
def test_xmp_is_read_from_all_its_homes(kind, keyword, maker, save):
    packet = maker.xmp('dc:title="Gr\u00fc\u00dfe"')
    text = packet
    if b"Raw" in keyword:
        prefix = b"http://ns.adobe.com/xap/1.0/\0" if keyword.endswith(b"APP1") else b""
        text = _profile("xmp", prefix + packet)
    picture = read_picture(save("a.png", maker.png(_in_chunk(kind, keyword, text))))
    assert picture.metadata.xmp == packet


@pytest.mark.parametrize("data", [IPTC, RESOURCES])
@pytest.mark.parametrize("name", ["iptc", "8bim"])
def test_raw_iptc_profiles_are_read(name, data, maker, save):
    chunk = _in_chunk(b"zTXt", f"Raw profile type {name}".encode(), _profile(name, data))
    assert read_picture(save("a.png", maker.png(chunk))).metadata.iptc == IPTC


def test_a_chunk_of_its_own_comes_before_a_raw_profile(maker, save):
    chunks = [
        _in_chunk(b"tEXt", b"Raw profile type exif", _profile("exif", maker.exif({0x010F: (2, 4, b"old\0")}))),
        (b"eXIf", b"Exif\0\0" + maker.exif({0x010F: (2, 4, b"new\0")})),  # the prefix is not allowed, but happens
    ]
    block = read_picture(save("a.png", maker.png(*chunks))).metadata.exif
    assert b"new" in block
    assert block.startswith(b"II*\0")


@pytest.mark.parametrize("profile", [b"\nexif\n 4\nzz", b"\nexif\n 9\n00", b"x", b"\nexif\n9" + b"9" * 5000 + b"\n00"])
def test_damaged_raw_profiles_are_dropped_and_noted(profile, maker, save):
    picture = read_picture(save("a.png", maker.png(_in_chunk(b"tEXt", b"Raw profile type exif", profile))))
    assert (picture.metadata.exif, picture.metadata.texts) == (None, ())
    assert picture.notes[0].startswith("damaged tEXt chunk dropped (Raw profile type exif")


def test_texts_survive_with_their_languages(maker, save, tmp_path):
    chunks = [
        _in_chunk(b"tEXt", b"Author", "J\u00fcrgen".encode("latin-1")),
        _in_chunk(b"zTXt", b"prompt", b"{}" * 5000),
        (b"iTXt", b"Title\0\0\0de\0" + "\u00dcberschrift\0\u4f60\u597d".encode()),
        _in_chunk(b"iTXt", b"Comment", "\u4f60\u597d".encode() * 2000),
    ]
    picture = read_picture(save("a.png", maker.png(*chunks)))
    expected = (
        Text("Author", "J\u00fcrgen"),
        Text("prompt", "{}" * 5000),
        Text("Title", "\u4f60\u597d", "de", "\u00dcberschrift"),
        Text("Comment", "\u4f60\u597d" * 2000),
    )
    assert picture.metadata.texts == expected
    assert write_picture(tmp_path / "b.png", picture) == ()
    assert read_picture(tmp_path / "b.png").metadata.texts == expected
    with Image.open(tmp_path / "b.png") as image:
        assert {key: str(value) for key, value in image.text.items()} == {t.keyword: t.text for t in expected}
        assert (image.text["Title"].lang, image.text["Title"].tkey) == ("de", "\u00dcberschrift")


def test_texts_find_places_in_the_exif_of_other_formats(tmp_path, make_pixels, make_exif, read_exif):
    texts = (
        Text("Author", "A. Painter"),
        Text("Description", "free"),
        Text("parameters", "\u4f60"),
        Text("prompt", "{}"),
    )
    for extension in ("jpg", "tif", "webp"):
        path = tmp_path / f"a.{extension}"
        notes = write_picture(path, Picture(make_pixels(8, 8), Metadata(exif=make_exif(), texts=texts)))
        assert [note.split(": ", 1)[1] for note in notes] == ["Description, prompt dropped"]  # one place was taken
        found = read_exif(read_picture(path).metadata.exif)
        assert (found["Artist"], found["ImageDescription"]) == ("A. Painter", "a test")
        assert found["UserComment"] == b"UNICODE\0" + "\u4f60".encode("utf-16-le")
        assert found["MakerNote"] == read_exif(make_exif())["MakerNote"]


def test_bombs_in_texts_are_dropped_and_noted(maker, save, monkeypatch):
    monkeypatch.setattr("srdgan_rt.image.png.text.MAX_TEXT", 1 << 16)
    monkeypatch.setattr("srdgan_rt.image.png.metadata._MAX_TEXTS", 1 << 17)
    chunks = [_in_chunk(b"zTXt", b"bomb", bytes(1 << 17)), *[_in_chunk(b"zTXt", b"many", b"x" * 60_000)] * 4]
    picture = read_picture(save("a.png", maker.png(*chunks)))
    assert [len(text.text) for text in picture.metadata.texts] == [60_000, 60_000]
    assert len(picture.notes) == 2


def test_colour_chunks_come_before_the_pixels_and_a_profile_replaces_srgb(maker, save, tmp_path, icc_rgb):
    chunks = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"sRGB", b"\0"),
        (b"cICP", bytes([12, 13, 0, 1])),
        (b"cLLi", bytes(8)),
    ]
    picture = read_picture(save("a.png", maker.png(*chunks)))
    write_picture(tmp_path / "b.png", picture)
    data = (tmp_path / "b.png").read_bytes()
    for kind, body in chunks:
        assert data.index(kind + body) < data.index(b"IDAT")
    picture = read_picture(save("a.png", maker.png((b"iCCP", b"p\0\0" + zlib.compress(icc_rgb)), (b"sRGB", b"\0"))))
    write_picture(tmp_path / "b.png", picture)
    assert b"sRGB\0" not in (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["icc_profile"] == icc_rgb


@pytest.mark.parametrize(
    ("chunk", "note"),
    [
        ((b"iCCP", b"no end of the name"), "damaged iCCP chunk dropped (no name)"),
        ((b"iCCP", b"p\0"), "damaged iCCP chunk dropped (no name)"),
        ((b"gAMA", bytes(4)), "damaged gAMA chunk dropped (wrong size or value)"),
        ((b"cHRM", bytes(4)), "damaged cHRM chunk dropped (wrong size or value)"),
        ((b"tEXt", b"no end of the keyword"), "damaged tEXt chunk dropped (no keyword)"),
        ((b"iTXt", b"a\0\0\0de\0"), "damaged iTXt chunk dropped (fields are missing)"),
        ((b"tIME", bytes(7)), "PNG chunks not kept: tIME"),
        ((b"tEXt", b"exif:ExifImageWidth\x0032"), "PNG texts that repeat other metadata dropped"),
        ((b"tEXt", b"GPano:FullPanoWidthPixels\x0032"), "PNG texts that repeat other metadata dropped"),
        ((b"caBX", b"jumb"), "content credentials (C2PA) dropped"),
    ],
)
def test_what_goes_no_further_is_noted(chunk, note, maker, save):
    picture = read_picture(save("a.png", maker.png(chunk)))
    assert picture.notes == (note,)
    np.testing.assert_array_equal(picture.pixels, maker.pixels)


@given(
    st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"pHYs", b"cHRM", b"acTL", b"a\xffbc"]), st.binary()
)
def test_damaged_chunks_raise_nothing(kind, body):
    read_metadata([(kind, body, True), (kind, b"Raw profile type exif\0" + body, True), (kind, b"k\0" + body, True)])
