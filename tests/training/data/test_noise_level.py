from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from training.data.noise_level import NoiseShape


def make_pair(level: float, low: float, high: float, seed: int) -> tuple[Tensor, Tensor]:
    """Noise that grows with the intensity, on a ramp between two of them."""
    clean = np.broadcast_to(np.linspace(low, high, 64, dtype=np.float32)[None, :, None], (64, 64, 3))
    noise = level * (0.5 + clean) * np.random.default_rng(seed).standard_normal(clean.shape)
    return torch.from_numpy(clean + noise).float(), torch.from_numpy(clean.copy())


def test_pictures_of_one_camera_setting_have_one_level_whatever_their_brightness() -> None:
    pairs = [make_pair(0.02, 0.0, 0.4, 0), make_pair(0.02, 0.3, 0.9, 1), make_pair(0.06, 0.1, 0.99, 2)]
    shape = NoiseShape(pairs)
    dark, bright, noisier = shape.levels(*(torch.stack(parts) for parts in zip(*pairs, strict=True))).tolist()
    assert (pairs[1][0] - pairs[1][1]).std() > 1.4 * (pairs[0][0] - pairs[0][1]).std()
    assert dark == pytest.approx(bright, rel=0.05)
    assert noisier == pytest.approx(3 * dark, rel=0.05)


def test_a_level_is_a_standard_deviation() -> None:
    noisy, clean = make_pair(0.04, 0.0, 0.999, 0)
    assert NoiseShape([(noisy, clean)]).levels(noisy[None], clean[None]).item() == pytest.approx(
        (noisy - clean).std().item(), rel=0.02
    )


def test_no_noise_is_level_0() -> None:
    noisy, clean = make_pair(0.02, 0.2, 0.8, 0)
    assert NoiseShape([(noisy, clean)]).levels(clean[None], clean[None]).item() == 0


def test_rejects_pairs_without_noise() -> None:
    _, clean = make_pair(0.02, 0.2, 0.8, 0)
    with pytest.raises(InputError, match="no noise in the pairs"):
        NoiseShape([(clean, clean)])
