"""WebP animations."""

import struct

import numpy as np
from PIL import Image

from srdgan_rt.image import read_picture


def test_opaque_webp_frame_on_a_larger_canvas(save, encode):
    frame = encode(Image.new("RGB", (8, 6), (200, 10, 20)), "WEBP", lossless=True)[12:]
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0, 31, 0, 0, 23, 0, 0])
    numbers = b"".join(n.to_bytes(3, "little") for n in (4 // 2, 2 // 2, 8 - 1, 6 - 1, 100))
    animation = b"ANMF" + struct.pack("<I", 16 + len(frame)) + numbers + b"\0" + frame
    body = b"WEBP" + extended + b"ANIM" + struct.pack("<IIH", 6, 0xFFFFFFFF, 0) + animation * 2
    picture = read_picture(save("a.webp", b"RIFF" + struct.pack("<I", len(body)) + body))
    expected = np.zeros((24, 32, 4), np.uint8)
    expected[2:8, 4:12] = (200, 10, 20, 255)
    np.testing.assert_array_equal(picture.pixels, expected)
    assert any("first of 2" in note for note in picture.notes)
