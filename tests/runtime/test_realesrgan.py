import numpy as np
import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.runtime import Upscaler


@pytest.fixture
def tinting(nearest_net):
    """Adds 51 levels to red, the first channel of the network."""
    nearest_net.conv_last.bias.data[0] = 0.2
    return Upscaler(nearest_net, engine="torch")


def test_colour_order_is_that_of_opencv(tinting):
    bgr = np.zeros((2, 3, 3), np.uint8)
    out, mode = tinting.enhance(bgr)
    assert mode == "RGB"
    assert out.flags.c_contiguous
    assert (out == (0, 0, 51)).all()


def test_alpha_and_mode(tinting):
    bgra = np.full((2, 3, 4), (10, 20, 30, 255), np.uint8)
    out, mode = tinting.enhance(bgra, outscale=2)
    assert mode == "RGBA"
    assert out.shape == (4, 6, 4)
    assert (out == (10, 20, 81, 255)).all()
    again, _ = tinting.enhance(bgra, outscale=2, alpha_upsampler="bicubic")  # as programs for RealESRGANer may ask
    assert (again == out).all()


def test_grey_and_mode(tinting):
    out, mode = tinting.enhance(np.full((2, 3), 100, np.uint8))
    assert (out.shape, mode) == ((8, 12), "L")
    assert (out == 117).all()


def test_a_dark_16_bit_picture_stays_16_bit_and_dark(nearest_net):
    dark = np.full((2, 3, 3), 200, np.uint16)  # no value above 255: not to be taken for 8 bits
    out, _ = Upscaler(nearest_net, engine="torch").enhance(dark)
    assert out.dtype == np.uint16
    assert (out == 200).all()


def test_bad_pictures_are_refused(tinting):
    with pytest.raises(InputError, match="must be a numpy array"):
        tinting.enhance(None)
