"""AVIF: depth, alpha, colour spaces and turns that the container states."""

import io
import re

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


def read_depth(path):
    """The bits a channel that a file states."""
    data = path.read_bytes()
    flags = data[data.index(b"av1C") + 6]
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


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


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_12_bits_are_written_without_loss_at_quality_100(dtype, channels, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, channels, dtype)
    notes = write_picture(tmp_path / "a.avif", Picture(pixels), quality=100)
    assert notes == (f"AVIF is written with 12 bits a channel: converted from {np.dtype(dtype)}",)
    assert read_depth(tmp_path / "a.avif") == 12
    back = read_picture(tmp_path / "a.avif").pixels
    assert (back.dtype, back.shape) == (np.uint16, pixels.shape)
    white = 1 if dtype == np.float32 else 65535
    assert np.abs(back / 65535 - pixels.astype(float) / white).max() <= 0.5 / 4095 + 1e-5
    again = tmp_path / "b.avif"
    write_picture(again, Picture(back), quality=100)
    np.testing.assert_array_equal(read_picture(again).pixels, back)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_10_bits_are_written_below_quality_100(channels, tmp_path):
    ramp = np.linspace(0, 65535, 40 * 30).reshape(30, 40)
    pixels = np.stack([ramp] * channels, -1).astype(np.uint16) if channels > 1 else ramp.astype(np.uint16)
    notes = write_picture(tmp_path / "a.avif", Picture(pixels), quality=95)
    assert notes[0] == "AVIF is written with 10 bits a channel: converted from uint16"
    assert any("colour at half the resolution" in note for note in notes) == (channels > 1)
    assert read_depth(tmp_path / "a.avif") == 10
    back = read_picture(tmp_path / "a.avif").pixels
    assert (back.dtype, back.shape) == (np.uint16, pixels.shape)
    # More than 8 bits are there: the mean error is below half a step of 8 bits.
    assert np.abs(back.astype(int) - pixels).mean() < 0.5 * 257


def test_grey_beside_alpha_with_16_bits_is_stored_as_rgb(tmp_path, make_pixels):
    pixels = make_pixels(30, 40, 2, np.uint16)
    notes = write_picture(tmp_path / "a.avif", Picture(pixels), quality=100)
    assert "AVIF is written without greyscale beside alpha: stored as RGB" in notes
    back = read_picture(tmp_path / "a.avif").pixels
    assert np.abs(back.astype(int) - pixels[..., [0, 0, 0, 1]]).max() <= 8


@pytest.mark.parametrize("quality", [95, 100])
def test_metadata_survive_beside_16_bits(quality, tmp_path, make_pixels, make_exif, read_exif, icc_rgb, xmp):
    block = make_exif(order=">")
    metadata = Metadata(block, icc_rgb, xmp, (300.0, 300.0))
    notes = write_picture(tmp_path / "a.avif", Picture(make_pixels(30, 40, 3, np.uint16), metadata), quality=quality)
    assert all("bits" in note for note in notes)
    back = read_picture(tmp_path / "a.avif").metadata
    assert (back.icc, back.dpi) == (icc_rgb, (300.0, 300.0))
    assert "Gr\u00fc\u00dfe" in back.xmp.decode()
    found, before = read_exif(back.exif), read_exif(block)
    for name in ("Make", "ExposureTime", "DateTimeOriginal", "GPS", "MakerNote"):
        assert found[name] == before[name]
    with Image.open(tmp_path / "a.avif") as image:  # another reader
        assert image.info["icc_profile"] == icc_rgb
        assert image.getexif()[0x010F].rstrip("\0") == "Maker"
        assert image.info["xmp"] == back.xmp


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


def test_colours_stay_where_alpha_is_described_first(save, make_pixels):
    pixels = make_pixels(30, 40, 4)
    data = bytearray(encode(Image.fromarray(pixels), quality=100, subsampling="4:4:4"))
    colour, alpha = (match.start() for match in re.finditer(b"av1C", data))
    data[colour : colour + 8], data[alpha : alpha + 8] = data[alpha : alpha + 8], data[colour : colour + 8]
    links = slice(data.index(b"ipma"), data.index(b"mdat"))  # of the two pictures to their properties, by number
    data[links] = data[links].translate(bytes.maketrans(b"\x83\x86", b"\x86\x83"))
    back = read_picture(save("a.avif", bytes(data))).pixels
    assert back.shape == (30, 40, 4)
    assert np.abs(back.astype(int) - pixels).max() <= 3


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
