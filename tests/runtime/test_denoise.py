"""How much of the noise is removed, and what ``auto`` measures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.image.resample import resize_bicubic
from srdgan_rt.runtime import Upscaler
from srdgan_rt.runtime.noise_level import choose_denoise, measure_noise_level

DTYPES = [np.uint8, np.uint16, np.float32]


def draw(shape, dtype=np.float32, seed=0):
    numbers = np.random.default_rng(seed).random(shape)
    return numbers.astype(np.float32) if dtype == np.float32 else (numbers * np.iinfo(dtype).max).round().astype(dtype)


def resize(pixels, height, width):
    planes = torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1)
    return resize_bicubic(planes, height, width).permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def smooth(random_net):
    return Upscaler(random_net, engine="torch", halo=20)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9, 7), (7, 9, 2), (9, 7, 3), (5, 6, 4)])
def test_without_denoising_the_picture_in_its_own_size_is_itself(smooth, shape, dtype):
    image = draw(shape, dtype)
    image[image == 0] = 1  # a transparent pixel has no colour of its own
    result = smooth.upscale(image, outscale=1, denoise=0)
    np.testing.assert_allclose(result, image, atol=1e-6 if dtype == np.float32 else 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outscale", [None, 2.5])
def test_all_denoising_is_the_plain_result(smooth, dtype, outscale):
    image = draw((11, 13, 3), dtype)
    np.testing.assert_array_equal(
        smooth.upscale(image, outscale=outscale, denoise=1), smooth.upscale(image, outscale=outscale)
    )


@settings(deadline=None, max_examples=15)
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    outscale=st.floats(0.1, 6),
    denoise=st.floats(0, 0.99),
    tile=st.sampled_from([0, 10, 17]),
)
def test_the_rest_of_the_noise_is_put_back(random_net, height, width, outscale, denoise, tile):
    image = draw((height, width, 3))
    whole = Upscaler(random_net, engine="torch", tile=0).upscale(image)
    size = (max(1, round(height * outscale)), max(1, round(width * outscale)))
    noise = image - resize(whole, height, width)
    expected = np.clip(resize(whole, *size) + (1 - denoise) * resize(noise, *size), 0, 1)
    tiled = Upscaler(random_net, engine="torch", tile=tile, halo=20)
    np.testing.assert_allclose(tiled.upscale(image, outscale=outscale, denoise=denoise), expected, atol=5e-6)


@pytest.mark.parametrize("outscale", [None, 1, 2.7])
@pytest.mark.parametrize("roi", [(0, 0, 30, 26), (3, 5, 11, 9), (29, 25, 1, 1), (0, 10, 30, 3)])
def test_a_region_is_the_crop_of_the_whole(random_net, outscale, roi):
    image = draw((26, 30, 4))
    up = Upscaler(random_net, engine="torch", tile=7, halo=26)
    whole = up.upscale(image, outscale=outscale, denoise=0.3)
    crop = up.upscale(image, outscale=outscale, denoise=0.3, roi=roi)
    top, left = (
        min(round(start * (outscale or 4)), sides[0] - sides[1])
        for start, sides in zip((roi[1], roi[0]), zip(whole.shape, crop.shape, strict=True), strict=False)
    )
    np.testing.assert_allclose(crop, whole[top : top + crop.shape[0], left : left + crop.shape[1]], atol=5e-6)


@pytest.mark.isa
@pytest.mark.skipif(not _ext.is_available(), reason="the extension was not built")
def test_strips_leave_no_seams(random_net):
    image = draw((150, 20, 3))
    results = [Upscaler(random_net, engine="native", tile=rows).upscale(image, denoise=0.2) for rows in (0, 32, 77)]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("denoise", [-0.1, 1.1, float("nan"), "much", None, True])
def test_rejects_bad_strengths(smooth, denoise):
    with pytest.raises(InputError, match=r"denoise must be 0\.\.1 or 'auto', got"):
        smooth.upscale(draw((4, 4, 3)), denoise=denoise)


# -- measured noise -----------------------------------------------------------------------------------------------


def make_scene(height=128, width=160):
    """A smooth scene in 0.2..0.8 with an edge."""
    y, x = np.mgrid[:height, :width] / 100
    scene = 0.5 + 0.2 * np.sin(2 * x) * np.cos(3 * y) + 0.1 * (x > 0.8)
    return np.repeat(scene[..., None], 3, 2)


@pytest.mark.parametrize("level", [0.005, 0.02, 0.06])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_noise_is_measured(level, channels):
    scene = make_scene()[..., :channels]
    noisy = np.clip(scene + np.random.default_rng(0).normal(0, level, scene.shape), 0, 1)
    assert measure_noise_level(noisy.astype(np.float32)) == pytest.approx(level, rel=0.05)


def test_noise_of_one_brightness_counts():
    scene = make_scene()
    noise = np.random.default_rng(0).normal(0, 0.06, scene.shape) * (scene < np.median(scene))
    assert measure_noise_level((scene + noise).astype(np.float32)) == pytest.approx(0.06 / 2**0.5, rel=0.2)


def test_edges_and_texture_are_not_noise():
    scene = make_scene()
    is_textured = np.arange(scene.shape[1]) // 16 % 2 == 1  # columns of 16, so at each brightness
    scene[:, is_textured] += np.random.default_rng(1).normal(0, 0.1, scene[:, is_textured].shape)
    assert measure_noise_level(np.clip(scene, 0.01, 0.99).astype(np.float32)) < 1 / 255


@pytest.mark.parametrize(
    "picture",
    [np.zeros((50, 50, 3), np.uint8), np.full((50, 50), 255, np.uint8), draw((3, 3, 3)), draw((1, 500))],
    ids=["black", "white", "small", "one row"],
)
def test_what_cannot_be_measured_is_denoised(picture):
    assert choose_denoise(picture) == (1, None)


def test_strength_grows_with_the_noise():
    scene = (make_scene() * 65535).astype(np.uint16)
    noise = np.random.default_rng(0).normal(0, 65535 / 255, scene.shape)
    strengths = [choose_denoise((scene + level * noise).astype(np.uint16))[0] for level in (0, 0.5, 2, 2.5, 4)]
    assert strengths[:2] == [0, 0]
    assert 0.3 < strengths[2] < strengths[3] < 1
    assert strengths[4] == 1


def test_auto_uses_the_measured_strength(smooth):
    image = (255 * make_scene(32, 40)).round().astype(np.uint8)
    strength, level = choose_denoise(image)
    assert level is not None
    assert strength < 1
    np.testing.assert_array_equal(smooth.upscale(image, denoise="auto"), smooth.upscale(image, denoise=strength))


def test_alpha_has_no_part_in_the_measure():
    scene = (255 * make_scene()).round().astype(np.uint8)
    alpha = np.random.default_rng(0).integers(0, 256, (*scene.shape[:2], 1), np.uint8)
    assert choose_denoise(np.concatenate([scene, alpha], 2)) == choose_denoise(scene)


def test_colours_that_nobody_sees_have_no_part_in_the_measure():
    scene = (255 * make_scene()).round().astype(np.uint8)
    alpha = np.full((*scene.shape[:2], 1), 255, np.uint8)
    hidden = slice(0, 3 * scene.shape[0] // 4)
    alpha[hidden] = 0
    noisy = scene.copy()
    noisy[hidden] = np.random.default_rng(0).integers(0, 256, noisy[hidden].shape, np.uint8)
    flat = scene.copy()
    flat[hidden] = 0
    assert choose_denoise(np.concatenate([noisy, alpha], 2)) == choose_denoise(np.concatenate([flat, alpha], 2))
