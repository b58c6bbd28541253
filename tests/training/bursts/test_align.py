from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.bursts.align import Box, Motion, find_motion, stand_still, to_luma, warp


def errors(motion: Motion, truth: Any) -> Any:
    """By how many pixels a motion is wrong at each pixel, off the border, where the frame does not show the place."""
    x, y = motion.positions(Box(0, 0, *truth[0].shape))
    return np.hypot(x - truth[0], y - truth[1])[8:-8, 8:-8]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, -0.25), (-1.3, 2.6), (7.0, -5.4)])
def test_shifts_are_found_to_a_tenth_of_a_pixel(photographer: Any, shift: tuple[float, float]) -> None:
    burst = photographer.take(np.array([(0, 0), shift]))
    motion = find_motion(*map(to_luma, burst.frames))
    assert np.sqrt(np.mean(errors(motion, burst.motions[1]) ** 2)) < 0.05
    assert errors(motion, burst.motions[1]).max() < 0.1


def test_rotation_is_found(photographer: Any) -> None:
    burst = photographer.take(np.array([(0, 0), (0.6, 0.3)]), degrees=0.3)
    motion = find_motion(*map(to_luma, burst.frames))
    assert np.hypot(*(t - g for t, g in zip(burst.motions[1], np.mgrid[:200, :264][::-1], strict=True))).max() > 0.5
    assert errors(motion, burst.motions[1]).max() < 0.1


def test_tiles_find_what_differs_from_place_to_place(photographer: Any) -> None:
    burst = photographer.take(np.array([(0, 0), (0.4, 0.2)]), wobble=0.3)
    motion = find_motion(*map(to_luma, burst.frames))
    whole = Motion(motion.matrix, np.zeros_like(motion.field))
    rms = [np.sqrt(np.mean(errors(each, burst.motions[1]) ** 2)) for each in (motion, whole)]
    assert rms[0] < 0.1
    assert rms[0] < 0.5 * rms[1]


def test_noise_alone_does_not_move() -> None:
    rng = np.random.default_rng(0)
    grey = [rng.normal(128, 4, (150, 170)).astype(np.float32) for _ in range(2)]
    motion = find_motion(*grey)
    assert np.abs(motion.displacement(150, 170)).max() < 0.5


def test_warp_brings_a_frame_onto_the_grid_of_the_reference() -> None:
    frame = np.add.outer(3 * np.arange(60), np.arange(80)).astype(np.float32)
    motion = Motion(np.array([[1, 0, 2.5], [0, 1, -1.25]]), np.zeros((1, 2, 2), np.float32))
    warped, inside = warp(frame, motion, Box(10, 20, 30, 40))
    np.testing.assert_allclose(warped, frame[10:40, 20:60] + 2.5 - 3 * 1.25, atol=0.06)
    assert inside.all()
    _, inside = warp(frame, motion, Box(0, 0, 60, 80))
    assert not inside[0].any()
    assert not inside[:, -2:].any()
    assert inside[2:, :-3].all()


def test_inverse_leads_back() -> None:
    angle = 0.002
    matrix = np.array([[np.cos(angle), -np.sin(angle), 1.5], [np.sin(angle), np.cos(angle), -0.7]])
    rng = np.random.default_rng(0)
    motion = Motion(matrix, rng.uniform(-0.1, 0.1, stand_still(200, 200).field.shape).astype(np.float32))
    frame = np.add.outer(np.arange(200), 2 * np.arange(200)).astype(np.float32)
    there, _ = warp(frame, motion, Box(0, 0, 200, 200))
    back, _ = warp(there, motion.inverse(), Box(0, 0, 200, 200))
    np.testing.assert_allclose(back[10:-10, 10:-10], frame[10:-10, 10:-10], atol=0.15)
