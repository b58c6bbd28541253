import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.errors import InputError
from srdgan_rt.image import bleed_colour, resize_bicubic
from srdgan_rt.image.alpha import divide_by_alpha, flatten_on_white


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_hidden_pixels_take_the_nearest_visible_colour(dtype):
    rgb = np.zeros((1, 6, 3), dtype)
    rgb[0, 0], rgb[0, 5] = (1, 0, 0), (0, 1, 0)
    alpha = np.array([[1, 0, 0, 0, 0, 1]], dtype)
    filled = bleed_colour(rgb, alpha)
    assert filled.dtype == dtype
    assert filled[0].tolist() == [[1, 0, 0]] * 3 + [[0, 1, 0]] * 3


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 0.95]))
def test_every_hidden_pixel_gets_a_colour_from_almost_the_least_distance(height, width, seed, density):
    rng = np.random.default_rng(seed)
    alpha = (rng.random((height, width)) < density).astype(np.uint8) * 200
    grey = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    filled = bleed_colour(grey, alpha)
    visible = np.argwhere(alpha > 0)
    if len(visible) == 0:
        np.testing.assert_array_equal(filled, grey)
        return
    np.testing.assert_array_equal(filled[alpha > 0], grey[alpha > 0])
    for y, x in np.argwhere(alpha == 0):
        source = np.array(divmod(int(filled[y, x]), width))
        assert alpha[tuple(source)] > 0
        distances = np.hypot(*(visible - (y, x)).T)
        assert np.hypot(*(source - (y, x))) <= distances.min() * 1.05 + 1e-9  # OpenCV's 5 x 5 mask is that exact


def test_nothing_to_do_returns_the_same_array():
    rgb = np.full((4, 5, 3), 7, np.uint8)
    assert bleed_colour(rgb, np.full((4, 5), 255, np.uint8)) is rgb
    assert bleed_colour(rgb, np.zeros((4, 5), np.uint8)) is rgb


def test_input_is_left_alone():
    rgb = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    before = rgb.copy()
    bleed_colour(rgb, np.eye(4, 5, dtype=np.uint8))
    np.testing.assert_array_equal(rgb, before)


def test_enlarging_leaves_no_halo():
    """A white disc on transparent black: enlarged, no visible pixel may be darker than white."""
    y, x = np.mgrid[0:32, 0:32]
    alpha = (np.hypot(y - 16, x - 16) < 10).astype(np.float32)
    rgb = np.repeat(alpha[..., None], 3, -1)

    def enlarge(planes):
        return resize_bicubic(torch.from_numpy(planes).movedim(-1, 0), 128, 128).movedim(0, -1).numpy()

    visible = enlarge(alpha[..., None])[..., 0] > 0.02
    assert enlarge(rgb)[visible].min() < 0.1  # the halo
    assert enlarge(bleed_colour(rgb, alpha))[visible].min() > 0.99


def test_sizes_must_agree():
    with pytest.raises(InputError, match=r"\(4, 5\) for \(5, 4, 3\)"):
        bleed_colour(np.zeros((5, 4, 3), np.uint8), np.zeros((4, 5), np.uint8))


def all_greys_with_alpha() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each grey and each alpha, ``(256, 256)`` int64, and the picture of them."""
    grey, alpha = np.mgrid[:256, :256]
    return grey, alpha, np.stack([grey, alpha], -1).astype(np.uint8)


def test_pictures_are_laid_on_white_to_the_nearest_value():
    grey, alpha, pixels = all_greys_with_alpha()
    flat, was_transparent = flatten_on_white(pixels)
    assert was_transparent
    assert flat.dtype == np.uint8
    exact = 255 * 255 - alpha * (255 - grey)  # 255 times the value
    assert np.abs(2 * (255 * flat.astype(int) - exact)).max() <= 255
    opaque, was_transparent = flatten_on_white(pixels[:, 255:])
    assert not was_transparent
    assert opaque[:, 0].tolist() == list(range(256))


def test_associated_alpha_is_taken_out_to_the_nearest_value():
    """Colours above their alpha, which damaged files have, become white."""
    grey, alpha, pixels = all_greys_with_alpha()
    divided = divide_by_alpha(pixels).astype(int)
    np.testing.assert_array_equal(divided[..., 1], alpha)
    exact = 255 * np.minimum(grey, alpha)  # alpha times the value
    assert (np.abs(2 * (alpha * divided[..., 0] - exact)) <= alpha).all()
    assert (divided[:, 0, 0] == 0).all()
