"""GIF: frames on a larger canvas, and what the extensions hold goes into the result."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srdgan_rt.image import Text, read_picture, write_picture
from srdgan_rt.image.gif import read_gif_metadata

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


@given(st.binary(max_size=300))
def test_damaged_extensions_raise_nothing(data):
    read_gif_metadata(b"GIF89a\1\0\1\0\x80\0\0" + data)


@pytest.mark.parametrize("transparency", [{}, {"transparency": 0}])
def test_gif_frame_on_a_larger_canvas(transparency, save, encode):
    image = Image.new("P", (8, 6), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    image.putpixel((0, 0), 0)
    data = bytearray(encode(image, "GIF", **transparency))
    data[6:10] = struct.pack("<HH", 32, 24)
    at = data.index(b"\x2c")
    data[at + 1 : at + 5] = struct.pack("<HH", 4, 2)
    picture = read_picture(save("a.gif", bytes(data)))
    expected = np.zeros((24, 32, 4), np.uint8)
    expected[2:8, 4:12] = (200, 10, 20, 255)
    expected[2, 4] = (0, 0, 0, 0 if transparency else 255)
    np.testing.assert_array_equal(picture.pixels[..., 3], expected[..., 3])
    np.testing.assert_array_equal(picture.pixels[..., :3] * (expected[..., 3:] > 0), expected[..., :3])
    assert any("canvas" in note for note in picture.notes)
