from __future__ import annotations

import cv2
import numpy as np

from training.whole_frame import photograph_whole


def test_a_whole_frame_lies_where_its_photograph_does() -> None:
    """Zoomed, compressed or neither: the mean of many frames is their clean picture, a little softer."""
    rng = np.random.default_rng(0)
    clean = cv2.GaussianBlur(rng.random((48, 48), np.float32), (0, 0), 2)
    clean = np.repeat(0.3 + 0.4 * (clean - clean.min()) / np.ptp(clean), 3).reshape(48, 48, 3)
    mean = np.mean([photograph_whole(clean, rng) for _ in range(64)], 0)
    inner = np.s_[6:-6, 6:-6]

    def error(shift: tuple[int, int]) -> float:
        return float(np.abs(np.roll(mean, shift, (0, 1))[inner] - clean[inner]).mean())

    assert error((0, 0)) < 0.02
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert error(shift) > 1.5 * error((0, 0))


def test_noise_of_whole_frames_is_spread_over_neighbours() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((48, 48, 3), 0.4, np.float32)
    noise = np.stack([photograph_whole(flat, rng) for _ in range(64)]) - flat
    noise -= noise.mean((1, 2), keepdims=True)
    neighbours = (noise[:, :, 1:] * noise[:, :, :-1]).mean((1, 2, 3)) / (noise**2).mean((1, 2, 3))
    assert 0.4 < np.median(neighbours) < 0.6  # of a phone 0.47, of samples 0 (docs/evaluation.md)
