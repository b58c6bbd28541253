from __future__ import annotations

import numpy as np
import pytest

from srdgan_rt.camera import (
    BAYER_PATTERNS,
    Camera,
    linear_to_srgb,
    random_camera,
    read_library,
    simulate_capture,
    srgb_to_linear,
)
from srdgan_rt.errors import InputError

PLAIN = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def test_transfer_functions_are_inverse() -> None:
    x = np.linspace(0, 1, 256, dtype=np.float32)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(x)), x, atol=1e-5)
    assert srgb_to_linear(np.float32([0.5]))[0] == pytest.approx(0.21404, abs=1e-5)


@pytest.mark.parametrize("pattern", BAYER_PATTERNS)
def test_a_noiseless_camera_keeps_smooth_pictures(pattern: str) -> None:
    """A wrong Bayer order would swap colours; a wrong gain or matrix would shift them."""
    ramp = np.linspace(0.1, 0.7, 64, dtype=np.float32)
    clean = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 0.3)], -1)
    result = simulate_capture(
        clean.astype(np.float32), Camera(0, 0, pattern=pattern), np.random.default_rng(0), mosaic=True
    )
    np.testing.assert_allclose(result[2:-2, 2:-2], clean[2:-2, 2:-2], atol=0.01)


@pytest.mark.parametrize("level", [0.05, 0.2, 0.5])
def test_noise_variance_is_shot_plus_read(level: float) -> None:
    clean = linear_to_srgb(np.full((300, 300, 3), level, np.float32))
    camera = Camera(0.002, 0.0001, white_balance=(1.0, 1.0), matrix=PLAIN)
    # Interpolating keeps 0.9167 of the variance: mean of the kernels' squares over colours and places of the pattern.
    linear = srgb_to_linear(simulate_capture(clean, camera, np.random.default_rng(0), mosaic=False))
    assert linear.var() == pytest.approx(0.9167 * (0.002 * level + 0.0001), rel=0.05)


def test_demosaicing_correlates_neighbours() -> None:
    clean = np.full((200, 200, 3), 0.5, np.float32)
    rng = np.random.default_rng(0)
    camera = Camera(0.002, 0.0001)

    def lag_one(mosaic: bool) -> float:
        noise = simulate_capture(clean, camera, rng, mosaic=mosaic)
        noise = noise - noise.mean((0, 1))
        return float((noise[:, 1:] * noise[:, :-1]).mean() / noise.var())

    assert abs(lag_one(mosaic=False)) < 0.02
    assert lag_one(mosaic=True) > 0.25


def test_white_stays_white() -> None:
    result = simulate_capture(np.ones((8, 8, 3), np.float32), Camera(0, 0), np.random.default_rng(0), mosaic=True)
    np.testing.assert_allclose(result, 1, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 0.01, 0.99, 1.0])
def test_noise_that_is_cut_off_keeps_the_raw_mean(level: float) -> None:
    """A fused picture is the mean of such frames; half of the noise cut off would move it by 0.4 of its deviation."""
    clean = linear_to_srgb(np.full((200, 200, 3), level, np.float32))
    camera = Camera(0.001, 0.0005, white_balance=(1.0, 1.0), matrix=PLAIN)
    green = srgb_to_linear(simulate_capture(clean, camera, np.random.default_rng(0), mosaic=True))[..., 1]
    deviation = np.sqrt(0.001 * level + 0.0005)
    assert green.mean() == pytest.approx(level, abs=0.05 * deviation)
    assert green.std() == pytest.approx(0, abs=1e-3) if level in (0, 1) else green.std() > 0.3 * deviation


def test_random_cameras_keep_grey() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        camera = random_camera(rng)
        matrix = np.array(camera.matrix)
        np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-3)


def test_sampled_pictures_have_the_noise_of_samples() -> None:
    """What is photographed after point sampling has the covariance of samples of the mosaiced photograph."""
    clean = np.broadcast_to(np.float32([0.5, 0.4, 0.3]), (500, 500, 3))
    camera = Camera(0.004, 0.0001, shoulder=0.3, response=0.01)
    whole, sampled = (
        np.cov(simulate_capture(clean, camera, np.random.default_rng(seed), mosaic=mosaic).reshape(-1, 3).T)
        for seed, mosaic in enumerate((True, False))
    )
    np.testing.assert_allclose(sampled, whole, rtol=0.05, atol=0.01 * whole.max())


def test_phones_correlate_channels() -> None:
    """Red and blue go together, as both follow the green that was measured."""
    clean = np.full((120, 120, 3), 0.5, np.float32)
    for phone in read_library().values():
        camera = phone.camera(next(iter(phone.noise)), 4400)
        noise = simulate_capture(clean, camera, np.random.default_rng(0), mosaic=False).reshape(-1, 3)
        assert np.corrcoef(noise.T)[0, 2] > 0.2


def test_compression_takes_detail_and_not_brightness() -> None:
    clean = np.full((64, 64, 3), 0.5, np.float32)
    camera = Camera(0.004, 0.0001)
    plain, small = (
        simulate_capture(clean, camera, np.random.default_rng(0), mosaic=True, quality=quality)
        for quality in (None, 30)
    )
    assert small.var() < plain.var()
    assert small.mean() == pytest.approx(plain.mean(), abs=0.01)
    with pytest.raises(InputError, match="quality must be"):
        simulate_capture(clean, camera, np.random.default_rng(0), mosaic=True, quality=0)


def test_rejects_bad_values() -> None:
    with pytest.raises(InputError, match="must not be negative"):
        Camera(-1, 0)
    with pytest.raises(InputError, match="pattern must be one of"):
        Camera(0, 0, pattern="rgbg")
