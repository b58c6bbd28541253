"""GIF's extensions and BMP's profiles are read, and what they hold goes into the result."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srdgan_rt.image import Text, read_picture, write_picture
from srdgan_rt.image.bitmap_metadata import read_bmp_metadata, read_gif_metadata

TRAILER = bytes([1, *range(255, -1, -1), 0])


def _gif(maker, *extensions):
    stream = io.BytesIO()
    Image.fromarray(maker.pixels).quantize(16).save(stream, "GIF")
    data = stream.getvalue()
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + b"".join(extensions) + data[at:]


def _application(name, body):
    pieces = (body[i : i + 255] for i in range(0, len(body), 255))
    return b"\x21\xff\x0b" + name + b"".join(bytes([len(p)]) + p for p in pieces) + b"\0"


def _bmp(pixels, space, tail=b""):
    height, width = pixels.shape[:2]
    rows = np.pad(pixels[::-1, :, ::-1].reshape(height, -1), ((0, 0), (0, -width * 3 % 4))).tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + space
    head += bytes(48) + struct.pack("<IIII", 4, 124 + len(rows), len(tail), 0)
    return b"BM" + struct.pack("<IHHI", 14 + 124 + len(rows) + len(tail), 0, 0, 138) + head + rows + tail


def test_gif_comment_xmp_and_profile_are_kept(maker, save, tmp_path, icc_rgb):
    packet = maker.xmp('my:own="1" exif:PixelXDimension="999"')
    comment = b"\x21\xfe\x0ba rainy day\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + packet + TRAILER
    data = _gif(maker, comment, xmp, _application(b"ICCRGBG1012", icc_rgb), _application(b"NETSCAPE2.0", b"\1\0\0"))
    picture = read_picture(save("a.gif", data))
    assert picture.metadata.texts == (Text("Comment", "a rainy day"),)
    assert b'my:own="1"' in picture.metadata.xmp
    assert b'PixelXDimension="32"' in picture.metadata.xmp
    assert picture.metadata.icc == icc_rgb
    assert picture.notes == ()
    write_picture(tmp_path / "b.jpg", picture)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["comment"] == b"a rainy day"
        assert image.info["icc_profile"] == icc_rgb


def test_other_gif_extensions_are_noted(maker, save):
    picture = read_picture(save("a.gif", _gif(maker, _application(b"MYPROGRAM01", b"abc"))))
    assert picture.notes == ("GIF extensions not kept: MYPROGRAM01",)


def test_bmp_profile_is_kept(maker, save, icc_rgb):
    picture = read_picture(save("a.bmp", _bmp(maker.pixels, b"DEBM", icc_rgb)))
    assert picture.metadata.icc == icc_rgb
    np.testing.assert_array_equal(picture.pixels, maker.pixels)


@pytest.mark.parametrize(("space", "num_notes"), [(b"BGRs", 0), (bytes(4), 0), (b"KNIL", 1), (b"DEBM", 1)])
def test_bmp_colours_that_cannot_be_kept_are_noted(space, num_notes, maker, save):
    picture = read_picture(save("a.bmp", _bmp(maker.pixels, space)))
    assert picture.metadata.icc is None
    assert len(picture.notes) == num_notes


@given(st.binary(max_size=300))
def test_damaged_files_raise_nothing(data):
    read_gif_metadata(b"GIF89a\1\0\1\0\x80\0\0" + data)
    read_bmp_metadata(b"BM" + bytes(12) + struct.pack("<I", 124) + data)
