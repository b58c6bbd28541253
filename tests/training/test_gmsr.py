"""Reading pairs: crops of both pictures show the same place, and a bad file is named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from srdgan_rt.errors import InputError, SrdganError
from training.gmsr import PairFolder


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def write_pair(root: Path, name: str, height: int, width: int, seed: int = 0) -> np.ndarray:
    """HR is LR with each pixel four times as large."""
    low = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    write(root / "LRx4" / f"{name}.png", low)
    write(root / "HR" / f"{name}.png", low.repeat(4, 0).repeat(4, 1))
    return low


def test_crops_show_the_same_place_turned_and_mirrored_alike(tmp_path):
    low_picture = write_pair(tmp_path, "a", 7, 9) / np.float32(255)
    pairs = PairFolder(tmp_path)
    rng = np.random.default_rng(0)
    orientations = set()
    for _ in range(1000):
        low, high = pairs.crop(5, rng)
        assert (low.shape, low.dtype) == ((5, 5, 3), np.float32)
        np.testing.assert_array_equal(high, low.repeat(4, 0).repeat(4, 1))
        places = np.lib.stride_tricks.sliding_window_view(low_picture, (5, 5, 3))[:, :, 0]
        for turns in range(4):
            for mirrored in (False, True):
                back = np.rot90(low[:, ::-1] if mirrored else low, -turns)
                for y, x in np.argwhere((places == back).all((2, 3, 4))):
                    orientations.add((turns, mirrored, int(y), int(x)))
    assert len(orientations) == 8 * 3 * 5  # every way at every place


def test_the_generator_alone_decides(tmp_path):
    for number in range(3):
        write_pair(tmp_path, str(number), 8, 8, number)
    pairs = PairFolder(tmp_path)
    first, again = (pairs.crop(4, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_larger_pictures_are_drawn_more_often(tmp_path):
    for name, side, value in (("small", 8, 10), ("large", 16, 200)):
        for folder, factor in (("HR", 4), ("LRx4", 1)):
            write(tmp_path / folder / f"{name}.png", np.full((side * factor, side * factor, 3), value, np.uint8))
    pairs = PairFolder(tmp_path)
    rng = np.random.default_rng(0)
    large = np.mean([pairs.crop(2, rng)[0].mean() > 0.5 for _ in range(500)])
    assert abs(large - 0.8) < 0.06


def test_folders_from_elsewhere(tmp_path):
    """Another format, grey, and an HR that is no multiple of 4."""
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for folder, picture in (("HR", np.pad(grey.repeat(4, 0).repeat(4, 1), ((0, 3), (0, 1)))), ("LRx4", grey)):
        write(tmp_path / folder / "b.tif", picture)
    pairs = PairFolder(tmp_path)
    assert len(pairs) == 1
    low, high = pairs.crop(8, np.random.default_rng(0))
    np.testing.assert_array_equal(high, low.repeat(4, 0).repeat(4, 1))
    np.testing.assert_array_equal(low[..., 0], low[..., 2])


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no pictures in .*HR"):
        PairFolder(tmp_path)
    write_pair(tmp_path, "a", 8, 8)
    write_pair(tmp_path, "b", 6, 9)
    with pytest.raises(InputError, match=r"LRx4.b\.png is smaller than a patch of 7 pixels: 6"):
        PairFolder(tmp_path).crop(7, np.random.default_rng(0))
    write(tmp_path / "LRx4" / "a.png", np.zeros((7, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"LRx4.a\.png must be a quarter of .*HR.a\.png, got 32x32 and 8x7"):
        PairFolder(tmp_path)
    (tmp_path / "LRx4" / "a.png").write_bytes(b"not a picture")
    with pytest.raises(SrdganError, match=r"LRx4.a\.png"):
        PairFolder(tmp_path)
    (tmp_path / "LRx4" / "a.png").unlink()
    with pytest.raises(InputError, match=r"HR.a\.png has no partner in .*LRx4"):
        PairFolder(tmp_path)
    (tmp_path / "HR" / "a.png").unlink()
    (tmp_path / "HR" / "b.png").unlink()
    write_pair(tmp_path, "c", 8, 8)
    with pytest.raises(InputError, match=r"LRx4.b\.png has no partner in .*HR"):
        PairFolder(tmp_path)
    write(tmp_path / "HR" / "b.png", np.zeros((24, 36, 3), np.uint8))
    write(tmp_path / "HR" / "b.jpg", np.zeros((24, 36, 3), np.uint8))
    with pytest.raises(InputError, match=r"have one name"):
        PairFolder(tmp_path)
