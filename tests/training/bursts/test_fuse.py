from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from srdgan_rt.errors import InputError
from training.bursts.align import find_motion, stand_still, to_luma
from training.bursts.fuse import fuse, sample_deviation, sample_noise
from training.bursts.scene import choose_reference, fuse_scene

INNER = np.s_[8:-8, 8:-8]
NUM_FRAMES = 20


def draw_shifts(rng: np.random.Generator, spread: float) -> Any:
    shifts = rng.normal(0, spread, (NUM_FRAMES, 2))
    shifts[0] = 0
    return shifts


@pytest.mark.parametrize("spread", [0.0, 0.6])
def test_a_static_scene_gains_what_twenty_frames_can_give(photographer: Any, spread: float) -> None:
    burst = photographer.take(draw_shifts(photographer.rng, spread), degrees=0.02 if spread else 0.0)
    lumas = [to_luma(frame) for frame in burst.frames]
    motions = [stand_still(*lumas[0].shape)] + [find_motion(lumas[0], luma) for luma in lumas[1:]]
    fusion = fuse(burst.frames, motions, 0, sample_noise(burst.frames, motions))
    single = (burst.frames[0] - burst.truth)[INNER].std()
    error = (fusion.clean - burst.truth)[INNER]
    assert single > 3  # of 255: there is noise to remove
    assert error.std() * NUM_FRAMES**0.5 / single < 1.1
    assert abs(error.mean()) < 0.5
    assert fusion.deviating.max() < 0.005


@pytest.mark.parametrize("contrast", [0.3, 0.1])
def test_a_moving_object_leaves_no_ghost(photographer: Any, contrast: float) -> None:
    """A disc crosses the picture; in the reference, and so in the truth, it is at its first place."""
    centres = np.stack([np.linspace(50, 210, NUM_FRAMES), np.linspace(60, 130, NUM_FRAMES)], -1)
    burst = photographer.take(np.zeros((NUM_FRAMES, 2)), disc=(contrast, centres))
    motions = [stand_still(*burst.truth.shape[:2])] * NUM_FRAMES
    clean = fuse(burst.frames, motions, 0, sample_noise(burst.frames, motions)).clean
    y, x = np.mgrid[: burst.truth.shape[0], : burst.truth.shape[1]]

    def wide_error(picture: Any, near: Any) -> float:
        """A ghost is wide, noise is not."""
        where = np.min([np.hypot(x - cx, y - cy) for cx, cy in near], 0) < 9
        return float(np.sqrt(np.mean(cv2.blur(picture - burst.truth, (7, 7))[where] ** 2)))

    plain, single = np.mean(burst.frames, 0, dtype=np.float32), burst.frames[0].astype(np.float32)
    trail, disc = centres[2:], centres[:1]
    assert wide_error(clean, trail) < 0.5 * wide_error(single, trail)  # and yet noise is gone
    assert wide_error(clean, disc) < 1.1 * wide_error(single, disc)
    assert wide_error(plain, disc) > 8 * wide_error(clean, disc)


def test_a_frame_that_shows_something_else_is_rejected(photographer: Any) -> None:
    shifts = draw_shifts(photographer.rng, 0.3)[:8]
    burst = photographer.take(shifts)
    other = type(photographer)(7).take(shifts[:1])
    frames = [*burst.frames[:5], other.frames[0], *burst.frames[5:]]
    scene = fuse_scene(frames, 5, 0.01)
    assert [bool(frame.rejected) for frame in scene.frames] == [index == 5 for index in range(9)]
    assert "differs from the reference" in scene.frames[5].rejected
    assert 5 not in [pair.index for pair in scene.pairs(frames)]


def test_a_brighter_frame_is_rejected(photographer: Any) -> None:
    burst = photographer.take(np.zeros((8, 2)))
    frames = [*burst.frames, np.clip(burst.frames[0] * 1.1, 0, 255).astype(np.uint8)]
    motions = [stand_still(*burst.truth.shape[:2])] * 9
    deviating = sample_deviation(frames, motions, 0, sample_noise(frames, motions))
    assert deviating[8] > 0.5
    assert deviating[:8].max() < 0.02


def test_the_reference_is_neither_deviant_nor_blurred(photographer: Any) -> None:
    burst = photographer.take(np.zeros((6, 2)))
    frames = [255 - burst.frames[0], cv2.blur(burst.frames[1], (25, 25)), *burst.frames[2:]]
    assert choose_reference(frames) >= 2


def wide_difference(noisy: Any, clean: Any) -> float:
    """Structure in the difference is misalignment: noise is small after a wide blur."""
    return float(cv2.GaussianBlur(noisy.astype(np.float32) - clean, (0, 0), 3)[INNER].std())


def test_pairs_lie_on_one_another(photographer: Any) -> None:
    """The noisy frame is the file's own pixels; the clean picture is moved to it unless it need not be."""
    shifts = np.zeros((12, 2))
    shifts[3] = (1.4, -0.6)
    burst = photographer.take(shifts)
    scene = fuse_scene(burst.frames, 10, 0.01)
    pairs = {pair.index: pair for pair in scene.pairs(burst.frames)}
    assert sorted(pairs) == list(range(12))
    assert next(iter(scene.pairs(burst.frames))).index == scene.reference
    for index, pair in pairs.items():
        assert (pair.clean is pairs[scene.reference].clean) == (index != 3)
        assert (pair.noisy.shape == burst.frames[0].shape) == (index != 3)
        assert wide_difference(pair.noisy, pair.clean) < 1.3
    margin = (burst.frames[3].shape[0] - pairs[3].noisy.shape[0]) // 2
    cut = np.s_[margin:-margin, margin:-margin]
    np.testing.assert_array_equal(pairs[3].noisy, burst.frames[3][cut])
    assert wide_difference(pairs[3].noisy, pairs[scene.reference].clean[cut]) > 2.6


def test_a_frame_with_a_moving_object_makes_no_pair(photographer: Any) -> None:
    centres = np.full((10, 2), 80.0)
    centres[4] = (180, 120)
    burst = photographer.take(np.zeros((10, 2)), disc=(0.3, centres))
    scene = fuse_scene(burst.frames, 10, 0.005)
    assert [index for index, frame in enumerate(scene.frames) if frame.unpaired] == [4]
    assert not scene.frames[4].rejected
    assert "moves" in scene.frames[4].unpaired


def test_bad_bursts_say_why(photographer: Any) -> None:
    frames = photographer.take(np.zeros((4, 2))).frames
    with pytest.raises(InputError, match="at least 64 pixels a side, got 20 x 200"):
        fuse_scene([frame[:, :20] for frame in frames], 3, 0.01)
    with pytest.raises(InputError, match="at least 4 frames must fit together, got 3 of 4"):
        fuse_scene([*frames[:3], 255 - frames[3]], 4, 0.01)
    centres = np.stack([np.linspace(40, 220, 10), np.full(10, 100.0)], -1)
    moving = photographer.take(np.zeros((10, 2)), disc=(0.3, centres)).frames
    with pytest.raises(InputError, match=r"at most 0\.1% of the picture may move, got"):
        fuse_scene(moving, 5, 0.001)
