"""HEIC files, as iPhones write them."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture

_ORIENTATION = 0x0112


def encode(*pictures, **options):
    """A file of some pictures, each (H, W[, C]) uint8 or uint16."""
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.HeifFile()
    for pixels in pictures:
        mode = {2: "L", 3: "RGB"}[pixels.ndim] if pixels.shape[-1] != 4 or pixels.ndim == 2 else "RGBA"
        mode += ";16" if pixels.dtype == np.uint16 else ""
        file.add_frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    stream = io.BytesIO()
    file.save(stream, quality=-1, chroma=444, **options)
    return stream.getvalue()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels(channels, save, make_pixels):
    pixels = make_pixels(24, 32, channels)
    picture = read_picture(save("a.heic", encode(pixels)))
    assert picture.format == "heic"
    assert picture.pixels.shape == pixels.shape
    assert picture.pixels.dtype == np.uint8
    assert np.abs(picture.pixels.astype(int) - pixels).max() <= 3
    assert picture.notes == ()


def test_10_bits_become_16(save, make_pixels):
    pixels = make_pixels(24, 32, 3, np.uint16)
    pixels[0, 0] = 65535
    back = read_picture(save("a.heic", encode(pixels))).pixels
    assert back.dtype == np.uint16
    assert np.abs(back.astype(int) - pixels).max() < 4 << 6
    assert back.max() == 65535  # white stays white


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation, save, make_pixels):
    tags = Image.Exif()
    tags[_ORIENTATION] = orientation
    tags[0x010F] = "Apple"
    pixels = make_pixels(24, 32)
    picture = read_picture(save("a.heic", encode(pixels, exif=tags.tobytes())))
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", exif=tags.tobytes())
    expected = read_picture(save("a.png", png.getvalue())).pixels
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 3
    block = Image.Exif()
    block.load(picture.metadata.exif)
    assert block[0x010F] == "Apple"
    assert block.get(_ORIENTATION, 1) == 1


def test_of_several_pictures_the_primary_one_is_taken(save, make_pixels):
    pictures = [make_pixels(16, 16) // divisor for divisor in (1, 2, 4)]
    picture = read_picture(save("a.heic", encode(*pictures, primary_index=1)))
    assert np.abs(picture.pixels.astype(int) - pictures[1]).max() <= 3
    assert picture.notes == ("the primary one of 3 pictures was taken",)


def test_the_limit_of_pixels_holds(save, make_pixels):
    with pytest.raises(ImageTooLargeError, match=r"40 x 30 = 1,200 pixels"):
        read_picture(save("a.heic", encode(make_pixels(30, 40))), max_pixels=1199)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_damaged_files_are_one_line(share, save, make_pixels):
    data = encode(make_pixels(64, 64))
    with pytest.raises(ImageReadError, match=r"a\.heic: ") as caught:
        read_picture(save("a.heic", data[: int(share * len(data))]))
    assert "\n" not in str(caught.value)


def test_without_the_package_the_error_says_what_to_install(save, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    message = r"HEIC files cannot be read without pillow_heif: pip install 'srdgan_rt\[heif\]', or convert"
    with pytest.raises(ImageReadError, match=message):
        read_picture(save("a.heic", data))
