"""JPEG's segments: EXIF and XMP over several of them, IPTC, comments, and what has no place in the result."""

import hashlib
import re
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, IptcImagePlugin

from srdgan_rt.image import Metadata, Picture, Text, read_picture, write_picture
from srdgan_rt.image.jpeg.metadata import read_metadata

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
MOVIE = struct.pack(">I", 24) + b"ftypmp42" + bytes(500)
IPTC = b"\x1c\x02\x19\x00\x04lake\x1c\x02\x78\x00\x06A lake"


def _text(text):
    return 2, len(text) + 1, text.encode() + b"\0"


def _read(save, data):
    return read_picture(save("a.jpg", data))


def test_exif_in_several_segments_is_joined(maker, save, read_exif):
    block = maker.exif({0x010F: _text("Maker")}, {0x927C: (7, 90_000, bytes(range(250)) * 360)})
    halves = [(0xE1, b"Exif\0\0" + half) for half in (block[:65_000], block[65_000:])]
    picture = _read(save, maker.jpeg(*halves))
    assert picture.metadata.exif == block
    assert read_exif(block)["Make"].rstrip("\0") == "Maker"


def test_a_second_exif_block_does_not_get_in_the_way(maker, save):
    first, second = maker.exif({0x010F: _text("First")}), maker.exif({0x010F: _text("Second")})
    picture = _read(save, maker.jpeg((0xE1, b"Exif\0\0" + first), (0xE1, b"Exif\0\0" + second)))
    assert picture.metadata.exif == first


def _extend(maker, extension, *, pieces=3, lost=None, guid=None):
    guid = guid or hashlib.md5(extension).hexdigest().upper()
    step = -(-len(extension) // pieces)
    main = maker.xmp(f'my:main="1" xmpNote:HasExtendedXMP="{guid}"')
    segments = [(0xE1, XMP + main)]
    for number in reversed(range(pieces)):  # the order is the writer's choice
        head = guid.encode() + struct.pack(">II", len(extension), number * step)
        if number != lost:
            segments.append((0xE1, EXTENSION + head + extension[number * step : (number + 1) * step]))
    return maker.jpeg(*segments)


def test_extended_xmp_is_put_together(maker, save):
    extension = maker.xmp('my:more="2"', "<GDepth:Data>abcd</GDepth:Data>")
    picture = _read(save, _extend(maker, extension))
    packet = picture.metadata.xmp
    assert b'my:main="1"' in packet
    assert b'my:more="2"' in packet
    assert b"HasExtendedXMP" not in packet
    assert b"abcd" not in packet
    assert picture.notes == ("depth map is not in the result",)


@pytest.mark.parametrize("damage", ["a piece is lost", "another GUID", "not XML"])
def test_extended_xmp_that_is_incomplete_is_noted(damage, maker, save):
    extension = b"no XML at all" if damage == "not XML" else maker.xmp('my:more="2"')
    data = _extend(maker, extension, lost=1 if damage == "a piece is lost" else None)
    if damage == "another GUID":
        data = re.sub(rb'(HasExtendedXMP=")..', rb"\1ZZ", data)
    picture = _read(save, data)
    assert b"HasExtendedXMP" not in picture.metadata.xmp
    assert b'my:main="1"' in picture.metadata.xmp
    assert picture.notes == ("extended XMP is missing or incomplete: dropped",)


def test_long_xmp_is_written_as_extended_xmp_by_the_book(maker, tmp_path, make_pixels):
    packet = maker.xmp('my:short="s" my:long="' + "x" * 200_000 + '"', "<my:other>" + "y" * 40_000 + "</my:other>")
    assert write_picture(tmp_path / "a.jpg", Picture(make_pixels(8, 8), Metadata(xmp=packet))) == ()
    data = (tmp_path / "a.jpg").read_bytes()
    with Image.open(tmp_path / "a.jpg") as image:  # which knows the main packet alone
        main = image.info["xmp"]
    guid = re.search(rb'xmpNote:HasExtendedXMP="([0-9A-F]{32})"', main)[1]
    assert b'my:short="s"' in main
    pieces, position = {}, 2
    while data[position + 1] != 0xDB:
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if body.startswith(EXTENSION):
            assert body[len(EXTENSION) :][:32] == guid
            size, offset = struct.unpack_from(">II", body, len(EXTENSION) + 32)
            pieces[offset] = body[len(EXTENSION) + 40 :]
        position += 2 + length
    joined = b"".join(pieces[offset] for offset in sorted(pieces))
    assert len(joined) == size > 200_000
    assert hashlib.md5(joined).hexdigest().upper().encode() == guid
    back = read_picture(tmp_path / "a.jpg").metadata.xmp
    for value in (b'my:short="s"', b"x" * 200_000, b"y" * 40_000):
        assert value in back


@pytest.mark.parametrize("extension", ["jpg", "tif", "png"])
@pytest.mark.parametrize("size", [10, 100_000])
def test_iptc_survives(size, extension, tmp_path, make_pixels):
    caption = b"\x1c\x02\x78" + (struct.pack(">H", size) if size < 0x8000 else struct.pack(">HI", 0x8004, size))
    records = IPTC + caption + b"c" * size
    path = tmp_path / f"a.{extension}"
    assert write_picture(path, Picture(make_pixels(8, 8), Metadata(iptc=records))) == ()
    assert read_picture(path).metadata.iptc == records
    if extension != "png" and size < 0x8000:  # Pillow reads neither IPTC in PNG nor long data sets
        with Image.open(path) as image:
            assert IptcImagePlugin.getiptcinfo(image)[(2, 25)] == b"lake"


def test_webp_has_no_place_for_iptc(tmp_path, make_pixels):
    notes = write_picture(tmp_path / "a.webp", Picture(make_pixels(8, 8), Metadata(iptc=IPTC)))
    assert notes == ("WebP has no place for IPTC: dropped",)


def test_comments_survive_in_their_encoding(maker, save, tmp_path):
    picture = _read(save, maker.jpeg((0xFE, "Grüße".encode()), (0xFE, "Grüße".encode("latin-1")), (0xFE, b"")))
    assert picture.metadata.texts == (Text("Comment", "Grüße"), Text("Comment", "Grüße"))
    write_picture(tmp_path / "b.jpg", picture)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["comment"].decode() == "Grüße"
    write_picture(tmp_path / "b.png", picture)
    with Image.open(tmp_path / "b.png") as image:
        assert image.text["Comment"] == "Grüße"


@pytest.mark.parametrize(
    ("segments", "tail", "note"),
    [
        ([], MOVIE, "motion photo: the video is not in the result"),
        ([], b"\xff\xd8\xff\xe0", "several pictures in one file: only the main one was read"),
        ([], b"SEFH and so on", "data behind the picture not kept"),
        ([(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")], b"", "HDR gain map is not in the result"),
        ([(0xE4, b"something"), (0xE4, b"more")], b"", "JPEG segments not kept: APP4"),
        ([(0xEB, b"JP\0\x01")], b"", "content credentials (C2PA) or other JUMBF data dropped"),
    ],
)
def test_what_lies_beside_the_picture_is_noted_once(segments, tail, note, maker, save):
    assert _read(save, maker.jpeg(*segments, tail=tail)).notes == (note,)


def test_ordinary_files_have_no_notes(maker, save, make_exif):
    assert _read(save, maker.jpeg_with(exif=make_exif(), xmp=maker.xmp('my:a="1"'))).notes == ()
    assert _read(save, maker.jpeg((0xE1, b"Exif\0\0" + make_exif()), tail=bytes(20))).notes == ()


@pytest.mark.parametrize("dpi", [200_000_000, 1e30, float("inf")])
@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "webp"])
def test_resolutions_out_of_range_are_limited_and_noted(extension, dpi, tmp_path, make_pixels):
    path = tmp_path / f"a.{extension}"
    notes = write_picture(path, Picture(make_pixels(8, 8), Metadata(dpi=(dpi, 300.0))))
    assert len(notes) == 1
    assert "dpi reduced to" in notes[0]
    assert read_picture(path).metadata.dpi[1] == pytest.approx(300)


@pytest.mark.parametrize("dpi", [0.0, -1.0, float("nan")])
def test_resolutions_that_are_none_are_dropped(dpi, tmp_path, make_pixels):
    notes = write_picture(tmp_path / "a.png", Picture(make_pixels(8, 8), Metadata(dpi=(dpi, 300.0))))
    assert notes[0].startswith("resolution dropped")


@given(st.lists(st.tuples(st.sampled_from([0xE0, 0xE1, 0xE2, 0xED, 0xFE, 0xFF, 0x00]), st.binary(max_size=60))))
def test_damaged_segments_raise_nothing(parts):
    starts = {0xE0: b"JFIF\0", 0xE1: EXTENSION, 0xE2: b"ICC_PROFILE\0", 0xED: b"Photoshop 3.0\0" + b"8BIM"}
    data = b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(starts.get(marker, b"")) + len(body)) + starts.get(marker, b"") + body
        for marker, body in parts
    )
    read_metadata(data)


def test_profile_with_a_missing_segment_is_dropped_and_noted(maker, icc_rgb):
    metadata, notes = read_metadata(maker.jpeg((0xE2, b"ICC_PROFILE\0\1\2" + icc_rgb)))
    assert metadata.icc is None
    assert notes == ["damaged ICC profile dropped: 1 of 2 segments"]


def test_extended_xmp_that_nothing_refers_to_is_noted(maker, save):
    extension = EXTENSION + b"0" * 32 + struct.pack(">II", 4, 0) + b"<a/>"
    for segments in ([(0xE1, extension)], [(0xE1, XMP + maker.xmp('my:own="1"')), (0xE1, extension)]):
        assert _read(save, maker.jpeg(*segments)).notes == ("extended XMP is missing or incomplete: dropped",)


def test_many_small_pieces_of_extended_xmp_take_no_time(maker):
    pieces = [(0xE1, EXTENSION + b"0" * 32 + struct.pack(">II", 20_000, i) + b" ") for i in range(20_000)]
    data = maker.jpeg((0xE1, XMP + maker.xmp(f'xmpNote:HasExtendedXMP="{"0" * 32}"')), *pieces)
    start = time.process_time()
    read_metadata(data)
    assert time.process_time() - start < 2


def test_xmp_and_iptc_inside_exif_are_found(maker, save):
    packet = maker.xmp('my:own="1"')
    block = maker.exif({0x02BC: (1, len(packet), packet), 0x83BB: (7, len(IPTC), IPTC)})
    metadata = _read(save, maker.jpeg_with(exif=block)).metadata
    assert (metadata.xmp, metadata.iptc) == (packet, IPTC)
    elsewhere = maker.xmp('my:own="2"')
    assert _read(save, maker.jpeg_with(exif=block, xmp=elsewhere)).metadata.xmp == elsewhere


def test_metadata_inside_photoshop_resources_are_found(maker, save):
    packet, block = maker.xmp('my:own="1"'), maker.exif({0x010F: _text("Maker")})
    resources = b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + bytes(len(body) % 2)
        for number, body in ((0x0422, block), (0x0424, packet))
    )
    metadata = _read(save, maker.jpeg((0xED, b"Photoshop 3.0\0" + resources))).metadata
    assert (metadata.exif, metadata.xmp) == (block, packet)
