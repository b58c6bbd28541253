"""Colours that PNG tells by chunks look the same in formats that need an ICC profile for that."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from srdgan_rt.image import Metadata, Picture, read_picture, write_picture
from srdgan_rt.image.png.colour import make_profile

SRGB_CHROMATICITIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
BT2020_CHROMATICITIES = (31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)


def _gamma(value):
    return b"gAMA", struct.pack(">I", value)


def _chromaticities(values):
    return b"cHRM", struct.pack(">8I", *values)


def _show(icc, colour):
    """What littleCMS, through Pillow, makes of a colour on an sRGB screen."""
    mode = "L" if isinstance(colour, int) else "RGB"
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    screen = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = ImageCms.profileToProfile(Image.new(mode, (1, 1), colour), profile, screen, outputMode="RGB")
    return image.getpixel((0, 0))


def _to_srgb(light):
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("gamma", [100_000, 55_556, 45_455 + 5000])
@pytest.mark.parametrize("level", [10, 64, 128, 200, 255])
def test_gamma_becomes_a_profile(gamma, level):
    for colour in (level, (level,) * 3):
        icc, notes = make_profile((_gamma(gamma),), None, is_grey=isinstance(colour, int), format_="JPEG")
        expected = _to_srgb((level / 255) ** (100_000 / gamma))
        assert _show(icc, colour) == pytest.approx([expected] * 3, abs=1.5)
        assert notes == []


def test_primaries_become_a_profile():
    icc, _ = make_profile((_chromaticities(BT2020_CHROMATICITIES),), None, is_grey=False, format_="JPEG")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
    # BT.2020 in the white of ICC's connection space, as published with the standard's profiles
    assert profile.red_primary[0] == pytest.approx((0.6734, 0.2790, -0.0019), abs=0.001)
    assert _show(icc, (0, 255, 0)) == (0, 255, 0)  # more green than the screen has
    assert _show(icc, (200, 200, 200)) == pytest.approx((200, 200, 200), abs=1)


@pytest.mark.parametrize(
    "chunks",
    [
        ((b"sRGB", b"\0"), _gamma(45455)),
        (_gamma(45455), _chromaticities(SRGB_CHROMATICITIES)),
        (_gamma(45455),),
        ((b"cICP", bytes([1, 13, 0, 1])), _gamma(100_000)),
    ],
)
def test_srgb_needs_no_profile(chunks):
    assert make_profile(chunks, None, is_grey=False, format_="JPEG") == (None, [])


def test_precedence_is_that_of_the_standard(icc_rgb):
    chunks = ((b"cICP", bytes([12, 13, 0, 1])), (b"sRGB", b"\0"), _gamma(100_000))
    p3, _ = make_profile(chunks, icc_rgb, is_grey=False, format_="JPEG")
    assert p3 != icc_rgb
    assert _show(p3, (0, 0, 0)) == (0, 0, 0)
    assert _show(p3, (255, 0, 0)) == (255, 0, 0)
    assert _show(p3, (128, 64, 64)) == pytest.approx(
        (136, 58, 61), abs=3
    )  # more colourful than the same numbers in sRGB
    assert make_profile(chunks[1:], icc_rgb, is_grey=False, format_="JPEG") == (icc_rgb, [])
    assert make_profile(chunks[1:], None, is_grey=False, format_="JPEG") == (None, [])


@pytest.mark.parametrize(("transfer", "name", "white"), [(16, "PQ", 0.5807), (18, "HLG", 0.75)])
def test_hdr_is_shown_up_to_ordinary_white_and_noted(transfer, name, white):
    icc, notes = make_profile(((b"cICP", bytes([9, transfer, 0, 1])),), None, is_grey=False, format_="WebP")
    assert len(notes) == 1
    assert f"WebP has no cICP chunk for {name} (HDR)" in notes[0]
    level = round(white * 255)
    assert _show(icc, (level,) * 3) == pytest.approx((255,) * 3, abs=3)
    assert _show(icc, (level // 2,) * 3)[0] < 140
    assert _show(icc, (255,) * 3) == (255,) * 3


@pytest.mark.parametrize("codes", [(1, 13, 0, 0), (2, 13, 0, 1), (9, 17, 0, 1)])
def test_colours_that_no_profile_can_tell_are_noted(codes):
    icc, notes = make_profile(((b"cICP", bytes(codes)),), None, is_grey=False, format_="TIFF")
    assert icc is None
    assert "cICP" in notes[0]


@pytest.mark.parametrize(
    "values", [(0,) * 8, (2**31 - 1,) * 8, (31270, 32900, 64000, 33000, 64000, 33000, 64000, 33000)]
)
def test_impossible_colours_do_no_harm(values):
    make_profile((_chromaticities(values),), None, is_grey=False, format_="TIFF")


@pytest.mark.parametrize("gamma", [1, 2**32 - 1])
def test_impossible_gammas_do_no_harm(gamma):
    make_profile((_gamma(gamma),), None, is_grey=False, format_="TIFF")


@pytest.mark.parametrize("extension", ["jpg", "tif", "webp"])
def test_linear_pictures_keep_their_brightness(extension, tmp_path, maker, save):
    picture = read_picture(save("a.png", maker.png(_gamma(100_000))))
    path = tmp_path / f"a.{extension}"
    assert write_picture(path, picture, quality=100) == ()
    with Image.open(path) as image:
        assert _show(image.info["icc_profile"], (128,) * 3) == pytest.approx([_to_srgb(128 / 255)] * 3, abs=1.5)


def test_profile_of_a_grey_picture_is_grey(tmp_path, make_pixels):
    metadata = Metadata(png_colour=(_gamma(100_000),))
    assert write_picture(tmp_path / "a.tif", Picture(make_pixels(8, 8, 1), metadata)) == ()
    icc = read_picture(tmp_path / "a.tif").metadata.icc
    assert icc[16:20] == b"GRAY"
    assert np.allclose(_show(icc, 128), _to_srgb(128 / 255), atol=1.5)
