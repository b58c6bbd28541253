"""Kinds of files: palettes, one bit, CMYK, animations, transparency by key, odd sizes, wrong names."""

import io
import struct
import subprocess
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

import srdgan_rt.image
from srdgan_rt.image import read_picture


def _rows(samples):
    """Raw PNG rows, each with filter byte 0."""
    return b"".join(b"\0" + row.tobytes() for row in samples)


def test_work_with_files_does_not_wait_for_torch():
    program = "import sys, srdgan_rt.image; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert callable(srdgan_rt.image.resize_bicubic)  # which does


def test_name_does_not_decide_the_format(save, encode, make_pixels):
    picture = read_picture(save("really_a_png.jpg", encode(make_pixels(3, 5), "PNG")))
    assert picture.format == "png"
    np.testing.assert_array_equal(picture.pixels, make_pixels(3, 5))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (5, 3), (1, 20_000), (20_000, 2)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_odd_sizes(format_, height, width, save, encode):
    if format_ == "WEBP" and max(height, width) > 16383:
        height, width = min(height, 16383), min(width, 16383)
    pixels = np.full((height, width, 3), (200, 100, 50), np.uint8)
    options = {"lossless": True} if format_ == "WEBP" else {}
    back = read_picture(save("a.bin", encode(pixels, format_, **options))).pixels
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).max() <= (3 if format_ == "JPEG" else 0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_of_png_is_expanded(bits, save, make_png):
    palette = np.array([[0, 10, 20], [255, 128, 0]], np.uint8)
    rows = b"\0" + bytes([0b01000000]) if bits == 1 else b"\0" + {2: b"\x10", 4: b"\x01", 8: b"\x00\x01"}[bits]
    data = make_png(2, 1, bits, 3, rows, ((b"PLTE", palette.tobytes()),))
    np.testing.assert_array_equal(read_picture(save("a.png", data)).pixels, palette[None])


def test_transparent_palette_of_png_becomes_rgba(save, make_png):
    chunks = ((b"PLTE", bytes([1, 2, 3, 4, 5, 6])), (b"tRNS", b"\x80"))
    pixels = read_picture(save("a.png", make_png(2, 1, 8, 3, b"\0\0\1", chunks))).pixels
    assert pixels.tolist() == [[[1, 2, 3, 128], [4, 5, 6, 255]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_key_of_png_becomes_alpha(dtype, save, make_png):
    full = np.iinfo(dtype).max
    bits = 8 * np.dtype(dtype).itemsize
    grey = np.array([[7, 9]], dtype)
    data = make_png(2, 1, bits, 0, _rows(grey.astype(grey.dtype.newbyteorder(">"))), ((b"tRNS", struct.pack(">H", 7)),))
    assert read_picture(save("a.png", data)).pixels.tolist() == [[[7, 0], [9, full]]]
    rgb = np.array([[[1, 2, 3], [1, 2, 4]]], dtype)
    key = (b"tRNS", struct.pack(">HHH", 1, 2, 3))
    data = make_png(2, 1, bits, 2, _rows(rgb.astype(rgb.dtype.newbyteorder(">"))), (key,))
    assert read_picture(save("a.png", data)).pixels.tolist() == [[[1, 2, 3, 0], [1, 2, 4, full]]]


@pytest.mark.parametrize(("bits", "row", "expected"), [(1, 0b10100000, [255, 0, 255]), (2, 0b00011011, [0, 85, 170])])
def test_few_bits_of_png_become_full_range_grey(bits, row, expected, save, make_png):
    pixels = read_picture(save("a.png", make_png(3, 1, bits, 0, bytes([0, row])))).pixels
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [expected]


def test_interlaced_png(save, make_png):
    # Seven passes of a 2 x 2 picture: only the first, the sixth and the seventh hold pixels.
    data = make_png(2, 2, 8, 0, b"\0\x01" + b"\0\x02" + b"\0\x03\x04")
    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 1)
    plain = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    data = data.replace(
        plain + struct.pack(">I", zlib.crc32(b"IHDR" + plain)), head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    )
    assert read_picture(save("a.png", data)).pixels.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("format_", ["BMP", "TIFF", "PNG", "GIF"])
def test_one_bit_becomes_grey(format_, save, encode):
    bits = np.random.default_rng(0).integers(0, 2, (9, 13)).astype(bool)
    pixels = read_picture(save("a.bin", encode(bits, format_))).pixels
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    np.testing.assert_array_equal(grey, bits * np.uint8(255))


@pytest.mark.parametrize("format_", ["BMP", "TIFF", "PNG", "GIF"])
def test_palette_is_expanded(format_, save, encode, make_pixels):
    image = Image.fromarray(make_pixels(20, 30)).quantize(32)
    back = read_picture(save("a.bin", encode(image, format_))).pixels
    np.testing.assert_array_equal(back, np.asarray(image.convert("RGB")))


def encode_grey_palette(encode, format_, **options):
    """A picture whose palette holds three levels of grey, none of them at its own index."""
    image = Image.new("P", (3, 1))
    image.putpalette([50, 50, 50, 200, 200, 200, 0, 0, 0])
    for x in range(3):
        image.putpixel((x, 0), x)
    return encode(image, format_, **options)


@pytest.mark.parametrize("format_", ["BMP", "TIFF", "PNG", "GIF"])
def test_a_palette_of_greys_becomes_grey(format_, save, encode):
    assert read_picture(save("a.bin", encode_grey_palette(encode, format_))).pixels.tolist() == [[50, 200, 0]]


def test_a_transparent_palette_of_greys_becomes_grey_and_alpha(save, encode):
    pixels = read_picture(save("a.png", encode_grey_palette(encode, "PNG", transparency=1))).pixels
    assert pixels.tolist() == [[[50, 255], [200, 0], [0, 255]]]


def test_a_palette_of_greys_with_a_profile_for_rgb_keeps_both(save, encode, icc_rgb):
    picture = read_picture(save("a.png", encode_grey_palette(encode, "PNG", icc_profile=icc_rgb)))
    assert picture.pixels.shape == (1, 3, 3)
    assert picture.metadata.icc == icc_rgb


def test_bmp_with_alpha(save, encode, make_pixels):
    back = read_picture(save("a.bmp", encode(make_pixels(20, 30, 4), "BMP"))).pixels
    np.testing.assert_array_equal(back[..., :3], make_pixels(20, 30, 4)[..., :3])


def test_bmp_resolution(save, encode, make_pixels):
    dpi = read_picture(save("a.bmp", encode(make_pixels(20, 30), "BMP", dpi=(300, 300)))).metadata.dpi
    assert dpi == pytest.approx((300, 300), abs=0.1)


def test_transparent_gif_becomes_rgba(save, encode):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = read_picture(save("a.gif", encode(image, "GIF", transparency=1))).pixels
    assert pixels.shape == (1, 2, 4)
    assert pixels[0, 0].tolist() == [10, 20, 30, 255]
    assert pixels[0, 1, 3] == 0


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_of_several_frames_is_taken_and_noted(format_, save, encode, make_pixels):
    first = make_pixels(20, 30)
    others = [Image.fromarray(255 - first), Image.fromarray(first // 2)]
    options = {"lossless": True} if format_ == "WEBP" else {}
    picture = read_picture(save("a.bin", encode(first, format_, save_all=True, append_images=others, **options)))
    assert np.abs(picture.pixels[..., :3].astype(int) - first).max() <= (16 if format_ == "GIF" else 0)
    assert any("first of 3" in note for note in picture.notes)


def test_still_pictures_have_no_notes(save, encode, make_pixels):
    for format_ in ("GIF", "WEBP", "PNG", "TIFF", "BMP", "JPEG"):
        assert read_picture(save("a.bin", encode(make_pixels(20, 30), format_))).notes == ()


def test_several_pictures_in_one_jpeg_are_noted(save, encode, make_pixels):
    others = [Image.fromarray(make_pixels(10, 10))]
    picture = read_picture(save("a.jpg", encode(make_pixels(20, 30), "MPO", save_all=True, append_images=others)))
    assert picture.pixels.shape == (20, 30, 3)
    assert any("several" in note for note in picture.notes)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(format_, save, encode):
    inks = np.zeros((16, 64, 4), np.uint8)
    inks[:, 16:32, 0] = inks[:, 32:48, 2] = inks[:, 48:, 3] = 255
    image = Image.frombytes("CMYK", (64, 16), inks.tobytes())
    options = {"quality": 100, "subsampling": 0} if format_ == "JPEG" else {}
    picture = read_picture(save("a.bin", encode(image, format_, **options)))
    assert any("CMYK" in note for note in picture.notes)
    for x, colour in ((8, (255, 255, 255)), (24, (0, 255, 255)), (40, (255, 255, 0)), (56, (0, 0, 0))):
        assert np.abs(picture.pixels[8, x].astype(int) - colour).max() <= 3


def test_ycck_jpeg_becomes_rgb(save):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 0] = 255
    data = imagecodecs.jpeg8_encode(255 - inks, colorspace="CMYK", outcolorspace="YCCK", level=100)
    pixels = read_picture(save("a.jpg", data)).pixels
    assert np.abs(pixels.astype(int) - (0, 255, 255)).max() <= 4


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_is_converted_by_its_profile_which_is_then_gone(format_, save, encode, icc_cmyk):
    black = Image.new("CMYK", (16, 16), (0, 0, 0, 255))
    options = {"quality": 100} if format_ == "JPEG" else {}
    picture = read_picture(save("a.bin", encode(black, format_, icc_profile=icc_cmyk, **options)))
    assert picture.metadata.icc is None
    assert any("profile" in note for note in picture.notes)
    red, green, blue = picture.pixels[8, 8].astype(int)
    assert red > 40  # the profile's black ink is a dark red
    assert max(green, blue) < 25


def test_cmyk_with_a_broken_profile_is_converted_plainly(save, encode):
    data = encode(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), "JPEG", icc_profile=b"nonsense" * 30)
    picture = read_picture(save("a.jpg", data))
    assert picture.pixels.max() <= 3
    assert any("without a profile" in note for note in picture.notes)


def test_cmyk_of_16_bits_stays_deep(save):
    inks = np.full((4, 5, 4), 0, np.uint16)
    inks[..., 3] = 32768
    stream = io.BytesIO()
    tifffile.imwrite(stream, inks, photometric="separated")
    pixels = read_picture(save("a.tif", stream.getvalue())).pixels
    assert pixels.dtype == np.uint16
    assert np.unique(pixels).tolist() == [32767]


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_resolution_of_jpeg_in_its_three_units(unit, save, encode, make_pixels):
    data = encode(make_pixels(16, 16), "JPEG", dpi=(300, 150))
    at = data.index(b"JFIF\0") + 7
    picture = read_picture(save("a.jpg", data[:at] + bytes([unit]) + data[at + 1 :]))
    assert picture.metadata.dpi == {0: None, 1: (300, 150), 2: (762, 381)}[unit]


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
