"""BMP's many headers and layouts, and frames that are smaller than their canvas."""

import struct

import numpy as np
import pytest
from PIL import Image

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture

MASKS_8888 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def _bmp(width, height, bits, data, *, compression=0, masks=(), header_size=40, palette=b""):
    """A BMP file; masks lie behind a header of 40 bytes and in larger ones."""
    header = struct.pack("<IiiHHIIiiII", header_size, width, height, 1, bits, compression, 0, 11811, 5906, 0, 0)
    packed = struct.pack(f"<{len(masks)}I", *masks)
    header += packed.ljust(header_size - 40, b"\0")
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


@pytest.fixture
def bgra():
    return np.random.default_rng(0).integers(1, 255, (3, 5, 4), np.uint8)


@pytest.mark.parametrize("height", [3, -3])
def test_fourth_byte_means_nothing_in_a_plain_file(height, save, bgra):
    picture = read_picture(save("a.bmp", _bmp(5, height, 32, bgra.tobytes())))
    upright = bgra[::-1] if height > 0 else bgra
    np.testing.assert_array_equal(picture.pixels, upright[..., 2::-1])
    assert picture.metadata.dpi == pytest.approx((300, 150), abs=0.1)
    assert picture.notes == ()


@pytest.mark.parametrize(("compression", "header_size"), [(3, 56), (3, 108), (3, 124), (6, 40)])
def test_alpha(compression, header_size, save, bgra):
    options = {"compression": compression, "masks": MASKS_8888, "header_size": header_size}
    picture = read_picture(save("a.bmp", _bmp(5, -3, 32, bgra.tobytes(), **options)))
    np.testing.assert_array_equal(picture.pixels, bgra[..., [2, 1, 0, 3]])
    bgra[..., 3] = 0
    picture = read_picture(save("a.bmp", _bmp(5, -3, 32, bgra.tobytes(), **options)))
    np.testing.assert_array_equal(picture.pixels, bgra[..., 2::-1])
    assert any("opaque" in note for note in picture.notes)


@pytest.mark.parametrize(
    ("masks", "full"),
    [
        ((), (31, 31, 31)),
        ((0xF800, 0x7E0, 0x1F), (31, 63, 31)),
        ((0xF00, 0xF0, 0xF), (15, 15, 15)),
        ((0x7C00, 0x3E0, 0x1F, 0x8000), (31, 31, 31, 1)),
    ],
)
def test_16_bits(masks, full, save):
    values = np.random.default_rng(0).integers(0, 1 << 16, (3, 5), np.uint16)
    options = {"compression": 3 if masks else 0, "masks": masks, "header_size": 108 if len(masks) == 4 else 40}
    rows = np.pad(values, ((0, 0), (0, 1)))  # to whole words of 32 bits
    pixels = read_picture(save("a.bmp", _bmp(5, -3, 16, rows.tobytes(), **options))).pixels
    for channel, (mask, most) in enumerate(zip(masks or (0x7C00, 0x3E0, 0x1F), full, strict=True)):
        expected = np.rint((values & mask) // (mask & -mask) * (255 / most))
        np.testing.assert_array_equal(pixels[..., channel], expected)


def test_ten_bits_a_channel_stay_deep(save):
    values = np.array([[0x3FF00000, 0xFFC00, 0x3FF, 0]], np.uint32)
    data = _bmp(4, 1, 32, values.tobytes(), compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF))
    assert read_picture(save("a.bmp", data)).pixels.tolist() == [[[65535, 0, 0], [0, 65535, 0], [0, 0, 65535], [0] * 3]]


@pytest.mark.parametrize("bits", [8, 24])
def test_os2(bits, save):
    palette = bytes(range(256)) * 3 if bits == 8 else b""
    data = bytes([1, 2, 3, 0, 4, 5, 6, 0])
    start = 26 + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + struct.pack("<IHHHH", 12, 1, 2, 1, bits)
    pixels = read_picture(save("a.bmp", head + palette + data)).pixels
    expected = [[[14, 13, 12]], [[5, 4, 3]]] if bits == 8 else [[[6, 5, 4]], [[3, 2, 1]]]
    assert pixels.tolist() == expected


@pytest.mark.parametrize(
    ("bits", "compression", "data"),
    [
        (8, 1, bytes([4, 1, 0, 0, 0, 3, 0, 1, 0, 0, 1, 1, 0, 1])),
        (4, 2, bytes([4, 0x11, 0, 0, 0, 4, 0x01, 0x01, 0, 1])),
    ],
)
def test_run_lengths(bits, compression, data, save):
    palette = bytes([10, 20, 30, 0, 40, 50, 60, 0] + [0, 0, 0, 0] * ((1 << bits) - 2))
    pixels = read_picture(save("a.bmp", _bmp(4, 2, bits, data, compression=compression, palette=palette))).pixels
    assert pixels[..., 0].tolist() == [[30, 60, 30, 60], [60, 60, 60, 60]]


def test_truncated_bmp_and_its_limit(save, bgra):
    data = _bmp(5, 3, 32, bgra.tobytes(), compression=3, masks=MASKS_8888, header_size=108)
    with pytest.raises(ImageReadError, match="truncated"):
        read_picture(save("a.bmp", data[:-1]))
    with pytest.raises(ImageTooLargeError, match="5 x 3"):
        read_picture(save("a.bmp", data), max_pixels=14)
    with pytest.raises(ImageReadError, match="mask"):
        read_picture(save("a.bmp", data.replace(struct.pack("<I", 0xFF00), struct.pack("<I", 0xF0F0))))


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


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("trailer", [bytes(1000), b"words" * 99])
def test_data_after_the_picture_do_no_harm(format_, trailer, save, encode, make_pixels):
    data = encode(make_pixels(20, 30), format_)
    picture = read_picture(save("a.bin", data + trailer))
    np.testing.assert_array_equal(picture.pixels, read_picture(save("b.bin", data)).pixels)


def test_animated_png_gives_its_default_picture(save, encode, make_pixels):
    default = Image.fromarray(make_pixels(20, 30))
    frames = [Image.fromarray(255 - make_pixels(20, 30)), Image.new("RGB", (30, 20))]
    data = encode(default, "PNG", save_all=True, default_image=True, append_images=frames)
    np.testing.assert_array_equal(read_picture(save("a.png", data)).pixels, np.asarray(default))
