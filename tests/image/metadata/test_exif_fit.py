"""EXIF that is too large for JPEG loses its largest values, the maker note first."""

import struct
import time

from PIL import Image

from srdgan_rt.image import Metadata, Picture, read_picture, write_picture
from srdgan_rt.image.metadata.exif_fit import fit_block


def _text(text):
    return 2, len(text) + 1, text.encode() + b"\0"


def test_what_fits_stays_as_it_is(make_exif):
    block = make_exif()
    assert fit_block(block, len(block)) == (block, [])


def test_the_maker_note_goes_first(maker, tmp_path, make_pixels):
    block = maker.exif({0x010F: _text("Maker")}, {0x8827: (3, 1, b"\x90\1"), 0x927C: (7, 70_000, bytes(70_000))})
    notes = write_picture(tmp_path / "a.jpg", Picture(make_pixels(8, 8), Metadata(exif=block)))
    assert notes == (f"EXIF of {len(block):,} bytes does not fit, maker note dropped",)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get_ifd(0x8769) == {0x8827: 400}
    assert write_picture(tmp_path / "a.png", Picture(make_pixels(8, 8), Metadata(exif=block))) == ()
    assert read_picture(tmp_path / "a.png").metadata.exif == block


def test_then_the_largest_values(maker):
    comment = b"ASCII\0\0\0" + b"x" * 66_000
    tags = {0x9286: (7, len(comment), comment), 0x927C: (7, 100, bytes(100)), 0x8827: (3, 1, b"\x90\1")}
    block, notes = fit_block(maker.exif({0x010F: _text("Maker")}, tags), 65_000)
    assert "maker note, UserComment dropped" in notes[0]
    parsed = Image.Exif()
    parsed.load(block)
    assert (parsed[0x010F], parsed.get_ifd(0x8769)) == ("Maker", {0x8827: 400})


def test_many_small_tags_take_no_time(maker):
    block = maker.exif({tag: (4, 1, struct.pack("<I", tag)) for tag in range(1, 12_000)})
    start = time.process_time()
    shortened, notes = fit_block(block, 65_000)
    assert time.process_time() - start < 3
    assert len(shortened) <= 65_000
    assert len(notes) == 1


def test_a_damaged_block_is_dropped():
    assert fit_block(b"nonsense" * 10, 50)[0] is None
