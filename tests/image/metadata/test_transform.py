"""Places move exactly as pixels do."""

import numpy as np
import pytest

from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.orientation import turn

ORIENTATIONS = pytest.mark.parametrize("orientation", range(1, 9))


@ORIENTATIONS
def test_boxes_move_with_the_pixels(orientation):
    pixels = np.zeros((6, 10), np.uint8)
    pixels[1:4, 2:4] = 1
    upright = turn(pixels, orientation)
    transform = GeometricTransform(orientation, (6, 10), (upright.shape[0] * 4, upright.shape[1] * 4))
    left, top, width, height = (round(value) for value in transform.map_box(2, 1, 2, 3))
    enlarged = upright.repeat(4, 0).repeat(4, 1)
    assert enlarged.sum() == 4 * 4 * 6
    assert enlarged[top : top + height, left : left + width].all()
    assert (width * height) == enlarged.sum()


@ORIENTATIONS
def test_fractions_and_pixels_agree(orientation):
    after = (100, 60) if orientation >= 5 else (60, 100)
    transform = GeometricTransform(orientation, (6, 10), after)
    x, y = transform.map_point(2, 1)
    u, v = transform.in_fractions().map_point(2 / 10, 1 / 6)
    assert (u * after[1], v * after[0]) == pytest.approx((x, y))
    width, height = transform.map_lengths(2, 3)
    assert sorted((width, height)) == pytest.approx([20, 30])
