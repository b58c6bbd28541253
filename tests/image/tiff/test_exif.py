"""EXIF goes into TIFF files and out again with maker notes that stay readable."""

import io
import struct
import time

import pytest
import tifffile
from PIL import Image

from srdgan_rt.image import Metadata, Picture, read_picture, write_picture
from srdgan_rt.image.metadata import exif_update
from srdgan_rt.image.metadata.ifd import DamagedTagsError, read_header
from srdgan_rt.image.metadata.tags import read_tags
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.tiff import codec as tiff_codec
from srdgan_rt.image.tiff import exif as tiff_exif

ORDERS = pytest.mark.parametrize("order", ["<", ">"])
NOTE = b"CANON-LIKE\0 offsets from the start of the block"


def _text(text):
    return 2, len(text) + 1, text.encode() + b"\0"


def _make_block(maker, note=NOTE, order="<"):
    return maker.exif(
        {0x010F: _text("Maker")},
        {0x8827: (3, 1, struct.pack(order + "H", 400)), 0x927C: (7, len(note), note)},
        order=order,
    )


@ORDERS
def test_maker_notes_keep_their_offset_into_tiff_and_back(order, maker, tmp_path, make_pixels):
    block = _make_block(maker, order=order)
    path = tmp_path / "a.tif"
    assert write_picture(path, Picture(make_pixels(24, 32), Metadata(exif=block))) == ()
    assert path.read_bytes().index(NOTE) == block.index(NOTE)
    with Image.open(path) as image:
        assert image.n_frames == 1
        assert image.getexif().get_ifd(0x8769)[0x927C] == NOTE
    picture = read_picture(path)
    assert (picture.pixels == make_pixels(24, 32)).all()
    assert picture.metadata.exif.index(NOTE) == block.index(NOTE)
    write_picture(tmp_path / "b.jpg", picture)
    data = (tmp_path / "b.jpg").read_bytes()
    assert data.index(NOTE) - data.index(b"Exif\0\0") - 6 == block.index(NOTE)


def test_maker_note_before_all_directories_keeps_its_offset():
    # It lies right behind the header, so that the directories have to go behind it.
    position = 8
    directory_at = position + len(NOTE) + len(NOTE) % 2
    exif_at = directory_at + 2 + 24 + 4
    text_at = exif_at + 2 + 12 + 4
    data = struct.pack("<2sHI", b"II", 42, directory_at) + NOTE.ljust(directory_at - 8, b"\0")
    data += struct.pack("<H", 2) + struct.pack("<HHII", 0x010E, 2, 500, text_at)
    data += struct.pack("<HHII", 0x8769, 4, 1, exif_at) + bytes(4)
    data += struct.pack("<H", 1) + struct.pack("<HHII", 0x927C, 7, len(NOTE), position) + bytes(4) + b"x" * 500
    block, _, notes = tiff_exif.extract_from_tiff(data)
    assert notes == []
    assert block.index(NOTE) == position
    parsed = Image.Exif()
    parsed.load(block)
    assert parsed.get_ifd(0x8769)[0x927C] == NOTE
    assert parsed[0x010E] == "x" * 500


@pytest.mark.parametrize(
    ("note", "is_kept"), [(NOTE, False), (b"Nikon\0\x02\x10\0\0MM\0*\0\0\0\x08", True), (b"none", True)]
)
def test_maker_notes_far_behind_are_moved_only_where_that_is_safe(note, is_kept, make_pixels):
    stream = io.BytesIO()
    tifffile.imwrite(stream, make_pixels(200, 200), photometric="rgb", metadata=None, software=False)
    data = bytearray(stream.getvalue())
    exif_at = len(data) + len(data) % 2
    note_at = exif_at + 18
    field = note.ljust(4, b"\0") if len(note) <= 4 else struct.pack("<I", note_at)
    exif = struct.pack("<H", 1) + struct.pack("<HHI", 0x927C, 7, len(note)) + field + bytes(4) + note
    _, ifd = read_header(bytes(data))
    (count,) = struct.unpack_from("<H", data, ifd)
    entries = bytes(data[ifd + 2 : ifd + 2 + 12 * count]) + struct.pack("<HHII", 0x8769, 4, 1, exif_at)
    data = data.ljust(exif_at, b"\0") + exif
    data += bytes(len(data) % 2)
    struct.pack_into("<I", data, 4, len(data))
    data += struct.pack("<H", count + 1) + entries + bytes(4)
    block, _, notes = tiff_exif.extract_from_tiff(bytes(data))
    assert (note in (block or b"")) == is_kept
    assert (notes == []) == is_kept


@ORDERS
def test_bigtiff_has_no_place_for_notes_with_offsets(order, maker, tmp_path, make_pixels, monkeypatch):
    monkeypatch.setattr(tiff_codec, "_BIGTIFF_FROM", 0)
    path = tmp_path / "a.tif"
    notes = write_picture(path, Picture(make_pixels(8, 8), Metadata(exif=_make_block(maker, order=order))))
    assert notes == ("EXIF maker note dropped: its offsets would be wrong at another position",)
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
        assert file.pages.first.tags["Make"].value == "Maker"
        assert file.pages.first.tags["ExifTag"].value["ISOSpeedRatings"] == 400
    found = read_picture(path).metadata.exif
    assert [tag.tag for tag in read_tags(found, *read_header(found))] == [0x010F, 0x8769]


def test_tags_that_have_no_place_are_named(maker, save, make_pixels, tmp_path):
    picture = read_picture(save("a.tif", maker.tiff({33550: (12, bytes(24)), 42112: (2, b"<GDALMetadata/>\0")})))
    assert picture.notes == ("TIFF tags not kept: 33550, 42112",)
    block = maker.exif({0x010F: _text("Maker"), 0x9999: (7, 5, b"12345")})
    notes = write_picture(tmp_path / "b.tif", Picture(make_pixels(8, 8), Metadata(exif=block)))
    assert notes == ("TIFF tags not kept: 39321",)


@pytest.mark.parametrize(
    ("description", "num_notes"),
    [
        (b'{"shape": [24, 32, 3]}', 0),
        (b"ImageJ=1.53k\nunit=um", 1),
        (b'<?xml version="1.0"?><OME xmlns="a"/>', 1),
        (b"a lake", 0),
    ],
)
def test_descriptions_of_the_layout_do_not_outlive_it(description, num_notes, maker, save):
    picture = read_picture(save("a.tif", maker.tiff({0x010E: (2, description + b"\0")})))
    assert len(picture.notes) == num_notes
    assert (picture.metadata.exif is not None) == (description == b"a lake")


def test_directories_that_share_offsets_are_read_once():
    count = 5000
    nested = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHII", 0x8769, 4, 1, nested + i % 2) for i in range(count))
    inner = b"".join(struct.pack("<HHII", 0x8825, 4, 1, 8) for i in range(count))
    block = struct.pack("<2sHIH", b"II", 42, 8, count) + entries + bytes(4)
    block += struct.pack("<H", count) + inner + bytes(4)
    start = time.process_time()
    for function in (tiff_exif.extract_from_tiff, lambda data: read_tags(data, *read_header(data))):
        function(block)
    exif_update.update_exif(block, GeometricTransform(6, (24, 32), (128, 96)))
    assert time.process_time() - start < 2


def test_values_that_share_bytes_do_not_multiply():
    count = 3000
    entries = b"".join(struct.pack("<HHII", 0x1000 + i, 7, 20_000, 8) for i in range(count))
    block = struct.pack("<2sHIH", b"II", 42, 8, count) + entries + bytes(4)
    with pytest.raises(DamagedTagsError, match="overlap"):
        read_tags(block, *read_header(block))


def test_blocks_above_four_megabytes_are_dropped_and_noted(maker, save):
    block = _make_block(maker, bytes(5 << 20))
    picture = read_picture(save("a.png", maker.png((b"eXIf", block))))
    assert picture.metadata.exif is None
    assert "5,242," in picture.notes[0]
    assert "4,194,304" in picture.notes[0]


def test_blocks_in_bigtiff_form_are_dropped_and_noted(maker, save):
    block = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 0) + bytes(16)
    picture = read_picture(save("a.png", maker.png((b"eXIf", block))))
    assert picture.metadata.exif is None
    assert picture.notes == ("damaged EXIF block dropped (BigTIFF layout)",)
