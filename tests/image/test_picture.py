"""What consoles and notebooks show of a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from srdgan_rt.image import Metadata, Picture


def test_repr_is_one_short_line(icc_rgb):
    picture = Picture(np.zeros((6, 8, 3), np.uint8), Metadata(icc=icc_rgb), "jpeg")
    assert repr(picture) == "<Picture 8x6 RGB uint8, jpeg, icc>"
    assert repr(Picture(np.zeros((6, 8), np.uint16))) == "<Picture 8x6 grey uint16>"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_notebook_shows_the_picture(dtype, channels, make_pixels, icc_rgb):
    pixels = make_pixels(30, 40, channels, dtype)
    shown = Image.open(io.BytesIO(Picture(pixels, Metadata(icc=icc_rgb))._repr_png_()))
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    assert np.abs(np.asarray(shown) - pixels.astype(float) * 255 / white).max() <= 0.6
    assert shown.info["icc_profile"] == icc_rgb


def test_a_large_picture_is_shown_small(make_pixels):
    shown = Image.open(io.BytesIO(Picture(make_pixels(40, 9000))._repr_png_()))
    assert shown.size[0] <= 1024
    assert shown.size[1] >= 1
