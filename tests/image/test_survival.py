"""What must survive the way through, each with a test per format: written by us, read by us and by others."""

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from srdgan_rt.image import Metadata, Picture, read_picture, write_picture

FORMATS = ("jpg", "png", "tif", "webp", "avif")
LOSSLESS = ("png", "tif")
DEEP = (("png", np.uint16), ("tif", np.uint16), ("tif", np.float32))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("extension", FORMATS)
def test_exif_survives(extension, order, tmp_path, make_pixels, make_exif, read_exif):
    block = make_exif(order=order)
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(exif=block)))
    back = read_picture(tmp_path / f"a.{extension}").metadata.exif
    before, after = read_exif(block), read_exif(back)
    assert (after["ExifImageWidth"], after["ExifImageHeight"]) == (40, 30)
    assert after["thumbnail"] == {}
    assert b"this is the thumbnail" not in back
    names = ("Make", "Model", "ImageDescription", "ExposureTime", "ISOSpeedRatings", "DateTimeOriginal", "GPS")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert after["MakerNote"] == before["MakerNote"]


@pytest.mark.parametrize("extension", FORMATS)
def test_other_readers_find_the_exif(extension, tmp_path, make_pixels, make_exif):
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(exif=make_exif())))
    with Image.open(tmp_path / f"a.{extension}") as image:
        found = image.getexif()
        assert found[0x010F].rstrip("\0") == "Maker"
        assert found.get_ifd(0x8769)[0x8827] == 800
        assert found.get_ifd(0x8825)[1].rstrip("\0") == "N"


@pytest.mark.parametrize("extension", FORMATS)
def test_icc_survives(extension, tmp_path, make_pixels, icc_rgb):
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(icc=icc_rgb)))
    assert read_picture(tmp_path / f"a.{extension}").metadata.icc == icc_rgb
    with Image.open(tmp_path / f"a.{extension}") as image:
        assert image.info["icc_profile"] == icc_rgb


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "avif"])
def test_grey_icc_survives(extension, tmp_path, make_pixels, icc_grey):
    assert icc_grey[16:20] == b"GRAY"
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40, 1), Metadata(icc=icc_grey)))
    assert read_picture(tmp_path / f"a.{extension}").metadata.icc == icc_grey


@pytest.mark.parametrize(("name", "channels"), [("a.webp", 1), ("a.webp", 2), ("a.avif", 2)])
def test_a_profile_of_grey_is_not_put_into_a_file_that_stores_rgb(name, channels, tmp_path, make_pixels, icc_grey):
    notes = write_picture(tmp_path / name, Picture(make_pixels(30, 40, channels), Metadata(icc=icc_grey)))
    assert any("ICC profile dropped" in note for note in notes)
    assert any("stored as RGB" in note for note in notes)
    back = read_picture(tmp_path / name)
    assert (back.pixels.shape, back.metadata.icc) == ((30, 40, channels + 2), None)


def test_large_icc_survives_in_jpeg(tmp_path, make_pixels, icc_rgb):
    profile = icc_rgb + bytes(150_000)  # three segments
    write_picture(tmp_path / "a.jpg", Picture(make_pixels(30, 40), Metadata(icc=profile)))
    assert read_picture(tmp_path / "a.jpg").metadata.icc == profile


@pytest.mark.parametrize("extension", FORMATS)
def test_icc_of_another_colour_space_is_not_attached(extension, tmp_path, make_pixels, icc_grey):
    notes = write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(icc=icc_grey)))
    assert any("ICC" in note for note in notes)
    assert read_picture(tmp_path / f"a.{extension}").metadata.icc is None


@pytest.mark.parametrize("extension", FORMATS)
def test_xmp_survives(extension, tmp_path, make_pixels, xmp):
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(xmp=xmp)))
    found = read_picture(tmp_path / f"a.{extension}").metadata.xmp
    with Image.open(tmp_path / f"a.{extension}") as image:
        assert image.info["xmp"] == found
    (description,) = ElementTree.fromstring(found)[0]
    values = {name.split("}")[1]: value for name, value in description.attrib.items()}
    assert values == {"about": "", "Orientation": "1", "PixelXDimension": "40", "title": "Gr\u00fc\u00dfe"}


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("dpi", [(72.0, 72.0), (300.0, 300.0), (240.0, 120.0)])
def test_dpi_survives(extension, dpi, tmp_path, make_pixels):
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), Metadata(dpi=dpi)))
    assert read_picture(tmp_path / f"a.{extension}").metadata.dpi == dpi


def test_dpi_survives_in_webp_beside_exif_that_has_none(tmp_path, make_pixels, read_exif):
    block = Image.Exif()
    block[0x010F] = "Maker"
    metadata = Metadata(exif=block.tobytes().removeprefix(b"Exif\0\0"), dpi=(300.0, 150.0))
    write_picture(tmp_path / "a.webp", Picture(make_pixels(30, 40), metadata))
    back = read_picture(tmp_path / "a.webp").metadata
    assert back.dpi == (300.0, 150.0)
    assert read_exif(back.exif)["Make"] == "Maker"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("extension", "dtype"), DEEP)
def test_depth_survives(extension, dtype, channels, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, channels, dtype)
    assert write_picture(tmp_path / f"a.{extension}", Picture(pixels)) == ()
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize(("extension", "dtype"), DEEP)
def test_depth_is_decided_by_the_type_not_the_values(extension, dtype, tmp_path):
    dark = np.full((5, 6, 3), 3, dtype) if dtype == np.uint16 else np.full((5, 6, 3), 0.0001, dtype)
    write_picture(tmp_path / f"a.{extension}", Picture(dark))
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, dark)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("extension", LOSSLESS)
def test_alpha_survives(extension, channels, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, channels)
    pixels[:10, :, -1] = 0  # colours under full transparency too
    write_picture(tmp_path / f"a.{extension}", Picture(pixels))
    np.testing.assert_array_equal(read_picture(tmp_path / f"a.{extension}").pixels, pixels)


@pytest.mark.parametrize("quality", [80, 100])
def test_alpha_survives_in_webp(quality, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, 4)
    pixels[:10, :, 3] = 0
    write_picture(tmp_path / "a.webp", Picture(pixels), quality=quality)
    back = read_picture(tmp_path / "a.webp").pixels
    np.testing.assert_array_equal(back[..., 3], pixels[..., 3])
    if quality == 100:
        np.testing.assert_array_equal(back, pixels)


def test_alpha_is_laid_on_white_in_jpeg(tmp_path):
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:8, :, 3] = 255
    notes = write_picture(tmp_path / "a.jpg", Picture(pixels))
    assert any("white" in note for note in notes)
    back = read_picture(tmp_path / "a.jpg").pixels
    assert back.shape == (16, 16, 3)
    assert back[:8].max() <= 3
    assert back[8:].min() >= 252


def test_opaque_alpha_is_dropped_without_a_word_in_jpeg(tmp_path, make_pixels):
    pixels = make_pixels(16, 16, 2)
    pixels[..., 1] = 255
    assert write_picture(tmp_path / "a.jpg", Picture(pixels)) == ()
    assert read_picture(tmp_path / "a.jpg").pixels.ndim == 2


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "avif"])
def test_greyscale_stays_greyscale(extension, tmp_path, make_pixels):
    pixels = make_pixels(30, 40, 1)
    assert write_picture(tmp_path / f"a.{extension}", Picture(pixels)) == ()
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert back.shape == (30, 40)
    assert np.abs(back.astype(int) - pixels).max() <= (3 if extension in ("jpg", "avif") else 0)


def test_greyscale_in_webp_stays_without_colour(tmp_path, make_pixels):
    notes = write_picture(tmp_path / "a.webp", Picture(make_pixels(30, 40, 1)), quality=100)
    assert any("greyscale" in note for note in notes)
    back = read_picture(tmp_path / "a.webp").pixels
    np.testing.assert_array_equal(back, np.stack([make_pixels(30, 40, 1)] * 3, -1))


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_flat_greys_stay_where_they_are(extension, level, tmp_path):
    write_picture(tmp_path / f"a.{extension}", Picture(np.full((20, 20, 3), level, np.uint8)))
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert np.unique(back).tolist() == [level]


@pytest.mark.parametrize("extension", FORMATS)
def test_colour_order_is_rgb(extension, tmp_path):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    write_picture(tmp_path / f"a.{extension}", Picture(red))
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert np.abs(back.astype(int) - red).max() <= 3
    with Image.open(tmp_path / f"a.{extension}") as image:
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - red).max() <= 3


@pytest.mark.parametrize("extension", FORMATS)
def test_everything_at_once(extension, tmp_path, make_pixels, make_exif, icc_rgb, xmp):
    metadata = Metadata(make_exif(), icc_rgb, xmp, (300.0, 300.0))
    assert write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40), metadata)) == ()
    back = read_picture(tmp_path / f"a.{extension}").metadata
    assert None not in (back.exif, back.xmp)
    assert (back.icc, back.dpi) == (icc_rgb, (300.0, 300.0))


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_metadata_survive_the_way_between_formats(source, target, tmp_path, make_pixels, make_exif, read_exif, icc_rgb):
    metadata = Metadata(make_exif(6, ">"), icc_rgb, None, (300.0, 300.0))
    write_picture(tmp_path / f"a.{source}", Picture(make_pixels(30, 40), metadata))
    write_picture(tmp_path / f"b.{target}", read_picture(tmp_path / f"a.{source}"))
    back = read_picture(tmp_path / f"b.{target}")
    assert back.format == {"jpg": "jpeg", "tif": "tiff"}.get(target, target)
    assert (back.metadata.icc, back.metadata.dpi) == (icc_rgb, (300.0, 300.0))
    found = read_exif(back.metadata.exif)
    assert found["MakerNote"] == read_exif(make_exif())["MakerNote"]
    assert found["GPS"] == read_exif(make_exif())["GPS"]


@pytest.mark.parametrize("extension", FORMATS)
def test_absent_metadata_stay_absent(extension, tmp_path, make_pixels):
    write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(30, 40)))
    assert read_picture(tmp_path / f"a.{extension}").metadata == Metadata(described_size=(30, 40))
