from __future__ import annotations

import numpy as np
import pytest

from srdgan_rt.errors import InputError
from training.noise_level import Array, NoiseShape


def make_pair(level: float, low: float, high: float, seed: int) -> tuple[Array, Array]:
    """Noise that grows with the intensity, on a ramp between two of them."""
    clean = np.broadcast_to(np.linspace(low, high, 64, dtype=np.float32)[None, :, None], (64, 64, 3))
    noise = level * (0.5 + clean) * np.random.default_rng(seed).standard_normal(clean.shape)
    return (clean + noise).astype(np.float32), clean


def test_pictures_of_one_camera_setting_have_one_level_whatever_their_brightness() -> None:
    pairs = [make_pair(0.02, 0.0, 0.4, 0), make_pair(0.02, 0.3, 0.9, 1), make_pair(0.06, 0.1, 0.99, 2)]
    shape = NoiseShape(pairs)
    dark, bright, noisier = (shape.level(*pair) for pair in pairs)
    assert np.std(pairs[1][0] - pairs[1][1]) > 1.4 * np.std(pairs[0][0] - pairs[0][1])
    assert dark == pytest.approx(bright, rel=0.05)
    assert noisier == pytest.approx(3 * dark, rel=0.05)


def test_a_level_is_a_standard_deviation() -> None:
    noisy, clean = make_pair(0.04, 0.0, 0.999, 0)
    assert NoiseShape([(noisy, clean)]).level(noisy, clean) == pytest.approx(np.std(noisy - clean), rel=0.02)


def test_no_noise_is_level_0() -> None:
    noisy, clean = make_pair(0.02, 0.2, 0.8, 0)
    assert NoiseShape([(noisy, clean)]).level(clean, clean) == 0


def test_rejects_pairs_without_noise() -> None:
    _, clean = make_pair(0.02, 0.2, 0.8, 0)
    with pytest.raises(InputError, match="no noise in the pairs"):
        NoiseShape([(clean, clean)])
