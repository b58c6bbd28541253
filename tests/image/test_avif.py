"""AVIF: depth, alpha, colour spaces and turns that the container states."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import Metadata, Picture, read_picture, write_picture


def encode(image, **options):
    stream = io.BytesIO()
    image.save(stream, "AVIF", **options)
    return stream.getvalue()


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_files_become_16_bits(bits, channels, save, make_pixels):
    pixels = make_pixels(30, 40, channels, np.uint16)
    data = imagecodecs.avif_encode(pixels >> (16 - bits), level=100, bitspersample=bits)
    back = read_picture(save("a.avif", data)).pixels
    assert back.dtype == np.uint16
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).max() < 3 << (16 - bits)
    assert abs(back.astype(int) - pixels).mean() < 1.5 * (1 << (16 - bits))


def test_16_bits_are_written_as_8_with_a_note(tmp_path, make_pixels):
    pixels = make_pixels(30, 40, 3, np.uint16)
    notes = write_picture(tmp_path / "a.avif", Picture(pixels), quality=100)
    assert notes == ("AVIF is written with 8 bits a channel: converted from uint16",)
    back = read_picture(tmp_path / "a.avif").pixels
    assert np.abs(back.astype(int) - pixels / 257).max() <= 3


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_survives(channels, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, channels)
    notes = write_picture(tmp_path / "a.avif", Picture(pixels), quality=100)
    assert bool(notes) == (channels == 2)
    back = read_picture(tmp_path / "a.avif").pixels
    np.testing.assert_array_equal(back[..., 3], pixels[..., -1])
    assert np.abs(back[..., 0].astype(int) - pixels[..., 0]).max() <= 3


def test_grey_beside_alpha_is_read(save, make_pixels):
    pixels = make_pixels(30, 40, 4)
    grey = Image.fromarray(np.dstack([pixels[..., :1]] * 3 + [pixels[..., 3:]]))
    back = read_picture(save("a.avif", encode(grey, quality=100, subsampling="4:0:0"))).pixels
    assert back.shape == (30, 40, 2)
    np.testing.assert_array_equal(back[..., 1], pixels[..., 3])
    assert np.abs(back[..., 0].astype(int) - pixels[..., 0]).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_of_the_container_is_done(orientation, save, make_pixels):
    tags = Image.Exif()
    tags[0x0112] = orientation
    block = tags.tobytes()
    pixels = make_pixels(24, 32)
    data = encode(Image.fromarray(pixels), quality=100, subsampling="4:4:4", exif=block)
    picture = read_picture(save("a.avif", data))
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", exif=block)
    expected = read_picture(save("a.png", png.getvalue())).pixels
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 3


def test_a_wide_colour_space_without_profile_gets_one(save, tmp_path, make_pixels):
    data = imagecodecs.avif_encode(make_pixels(20, 20), level=100, primaries=12, transfer=13, matrix=1)
    picture = read_picture(save("a.avif", data))
    write_picture(tmp_path / "a.jpg", picture)
    assert read_picture(tmp_path / "a.jpg").metadata.icc is not None
    plain = imagecodecs.avif_encode(make_pixels(20, 20), level=100)
    assert read_picture(save("b.avif", plain)).metadata.png_colour == ()


def test_animation_gives_its_first_frame(save, make_pixels):
    frames = [Image.fromarray(make_pixels(16, 16) // divisor) for divisor in (1, 2)]
    picture = read_picture(save("a.avif", encode(frames[0], save_all=True, append_images=frames[1:], quality=100)))
    assert "animated: first of 2 frames" in picture.notes
    assert np.abs(picture.pixels.astype(int) - np.asarray(frames[0])).max() < 12


def test_the_limit_of_pixels_holds_before_decoding(save, make_pixels):
    path = save("a.avif", encode(Image.fromarray(make_pixels(30, 40))))
    with pytest.raises(ImageTooLargeError, match=r"40 x 30 = 1,200 pixels"):
        read_picture(path, max_pixels=1199)


@pytest.mark.parametrize("data", [b"\0\0\0\x1cftypavif" + bytes(16), b"\0\0\0\x10ftypavifmif1" + bytes(300)])
def test_files_without_a_picture_are_errors(data, save):
    with pytest.raises(ImageReadError, match=r"a\.avif: ") as caught:
        read_picture(save("a.avif", data))
    assert "\n" not in str(caught.value)


def test_iptc_is_dropped_with_a_note(tmp_path, make_pixels):
    notes = write_picture(tmp_path / "a.avif", Picture(make_pixels(16, 16), Metadata(iptc=b"\x1c\2\5\0\1a")))
    assert notes == ("AVIF has no place for IPTC: dropped",)
