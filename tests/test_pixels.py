"""One place says what a pixel is; arrays and tensors are rounded alike."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import (
    check_layout,
    check_pixels,
    crop_centre,
    round_to_8_bits,
    round_to_bytes,
    to_bytes,
    to_float32,
    white_level,
)

PICTURES = arrays(np.float32, (3, 4), elements=st.floats(-1, 2, width=32))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (">u2", 65535)])
def test_white(dtype, white):
    assert white_level(dtype) == white


@pytest.mark.parametrize(("shape", "channels"), [((2, 3), 1), ((2, 3, 1), 1), ((2, 3, 2), 2), ((2, 3, 4), 4)])
def test_layouts(shape, channels):
    assert check_layout(np.zeros(shape, np.uint8), "image") == channels


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([[0]], "image must be a numpy array, got list"),
        (np.ma.zeros((2, 3), np.uint8), r"image must be an array without a mask; its method filled\(\) makes one"),
        (np.zeros((2, 3), np.float64), "image must be uint8, uint16 or float32, got float64"),
        (np.zeros((2, 3, 5), np.uint8), r"with 1 to 4 channels, got shape \(2, 3, 5\)"),
        (np.zeros(3, np.uint8), r"got shape \(3,\)"),
        (np.zeros((0, 3), np.uint8), r"at least one pixel, got shape \(0, 3\)"),
        (np.full((2, 3), np.nan, np.float32), "finite"),
        (np.full((2, 3), 1.5, np.float32), "got 1.5 to 1.5"),
    ],
)
def test_what_is_no_picture(pixels, message):
    with pytest.raises(InputError, match=message):
        check_pixels(pixels)


def test_byte_order_becomes_that_of_the_machine():
    pixels = np.arange(6, dtype=">u2").reshape(2, 3)
    checked = check_pixels(pixels)
    assert checked.dtype == np.uint16
    np.testing.assert_array_equal(checked, pixels)


@given(PICTURES)
def test_arrays_and_tensors_are_rounded_alike(picture):
    rounded = round_to_8_bits(picture)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, round_to_8_bits(torch.from_numpy(picture)).numpy())
    np.testing.assert_array_equal(rounded, to_float32(to_bytes(picture)))


@given(PICTURES)
def test_bytes_are_the_nearest_that_there_are(picture):
    error = np.abs(to_bytes(picture) / 255 - picture.clip(0, 1))
    assert error.max() <= 0.5 / 255 + 1e-7


def test_values_beyond_the_range_are_clipped():
    assert round_to_bytes(np.array([-3.0, 0.5, 1.5, 254.6, 300.0])).tolist() == [0, 0, 2, 255, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_survives_floating_point(dtype):
    values = np.arange(white_level(dtype) + 1).astype(dtype)
    unit = to_float32(values)
    assert (unit[0], unit[-1]) == (0, 1)
    np.testing.assert_array_equal(np.rint(unit * white_level(dtype)), values)


@pytest.mark.parametrize(("size", "expected"), [(2, [[6, 7], [11, 12]]), (9, None)])
def test_centre(size, expected):
    pixels = np.arange(20).reshape(4, 5)
    np.testing.assert_array_equal(crop_centre(pixels, size), pixels if expected is None else expected)
