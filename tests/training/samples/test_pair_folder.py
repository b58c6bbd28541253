"""Reading pairs: crops of both pictures show the same place, and a bad file is named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.errors import InputError, SrdganError
from training.imaging.random_source import RandomSource
from training.samples.pair_folder import PairFolder

CPU = torch.device("cpu")


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
    lows, highs = PairFolder(tmp_path, CPU, 5).crop(1000, 5, RandomSource((0,), CPU))
    assert (lows.shape, lows.dtype) == ((1000, 3, 5, 5), torch.float32)
    assert torch.equal(highs, lows.repeat_interleave(4, 2).repeat_interleave(4, 3))
    orientations = set()
    for low in lows.permute(0, 2, 3, 1).numpy():
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
    pairs = PairFolder(tmp_path, CPU, 4)
    first, again = (pairs.crop(2, 4, RandomSource((3,), CPU)) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_larger_pictures_are_drawn_more_often(tmp_path):
    for name, side, value in (("small", 8, 10), ("large", 16, 200)):
        for folder, factor in (("HR", 4), ("LRx4", 1)):
            write(tmp_path / folder / f"{name}.png", np.full((side * factor, side * factor, 3), value, np.uint8))
    lows, _ = PairFolder(tmp_path, CPU, 2).crop(500, 2, RandomSource((0,), CPU))
    large = float((lows.mean((1, 2, 3)) > 0.5).float().mean())
    assert abs(large - 0.8) < 0.06


def test_folders_from_elsewhere(tmp_path):
    """Another format, grey, and an HR that is no multiple of 4."""
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for folder, picture in (("HR", np.pad(grey.repeat(4, 0).repeat(4, 1), ((0, 3), (0, 1)))), ("LRx4", grey)):
        write(tmp_path / folder / "b.tif", picture)
    pairs = PairFolder(tmp_path, CPU, 4)
    assert len(pairs) == 1
    low, high = pairs.crop(1, 8, RandomSource((0,), CPU))
    assert torch.equal(high, low.repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert torch.equal(low[:, 0], low[:, 2])


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*HR"):
        PairFolder(tmp_path, CPU, 4)
    write_pair(tmp_path, "a", 8, 8)
    write_pair(tmp_path, "b", 6, 9)
    with pytest.raises(InputError, match=r"LRx4 must have at least 7 pixels a side, the smallest has 6"):
        PairFolder(tmp_path, CPU, 7)
    write(tmp_path / "LRx4" / "a.png", np.zeros((7, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"LRx4.a\.png must be a quarter of .*HR.a\.png, got 32x32 and 8x7"):
        PairFolder(tmp_path, CPU, 4)
    (tmp_path / "LRx4" / "a.png").write_bytes(b"not a picture")
    with pytest.raises(SrdganError, match=r"LRx4.a\.png"):
        PairFolder(tmp_path, CPU, 4)
    (tmp_path / "LRx4" / "a.png").unlink()
    with pytest.raises(InputError, match=r"HR.a\.png has no partner in .*LRx4"):
        PairFolder(tmp_path, CPU, 4)
    (tmp_path / "HR" / "a.png").unlink()
    (tmp_path / "HR" / "b.png").unlink()
    write_pair(tmp_path, "c", 8, 8)
    with pytest.raises(InputError, match=r"LRx4.b\.png has no partner in .*HR"):
        PairFolder(tmp_path, CPU, 4)
    write(tmp_path / "HR" / "b.png", np.zeros((24, 36, 3), np.uint8))
    write(tmp_path / "HR" / "b.jpg", np.zeros((24, 36, 3), np.uint8))
    with pytest.raises(InputError, match=r"have one name"):
        PairFolder(tmp_path, CPU, 4)
