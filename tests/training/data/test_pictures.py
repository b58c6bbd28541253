from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, write_picture
from training.data.pictures import read_frames, read_rgb


def test_any_picture_becomes_rgb_of_8_bits(tmp_path: Path) -> None:
    write_picture(tmp_path / "grey.png", Picture(np.full((4, 5), 65535, np.uint16)))
    write_picture(tmp_path / "clear.png", Picture(np.full((4, 5, 4), 0, np.uint8)))
    write_picture(tmp_path / "grey_alpha.png", Picture(np.full((4, 5, 2), (100, 51), np.uint8)))
    assert read_rgb(tmp_path / "grey.png").tolist() == np.full((4, 5, 3), 255).tolist()
    assert read_rgb(tmp_path / "clear.png").tolist() == np.full((4, 5, 3), 255).tolist()  # on white
    assert read_rgb(tmp_path / "grey_alpha.png").tolist() == np.full((4, 5, 3), 255 - 155 // 5).tolist()


def test_whole_frames_are_sampled_in_the_middle_of_their_blocks(tmp_path: Path) -> None:
    folder = tmp_path / "pairs" / "train"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    clean, noisy = (rng.integers(0, 256, (40, 48, 3), np.uint8) for _ in range(2))
    for kind, image in (("clean", clean), ("noisy", noisy)):
        write_picture(folder / f"scene_00_{kind}.png", Picture(image))
    ((low_clean, low_noisy),) = read_frames(tmp_path, "train")
    assert np.array_equal(low_clean, clean[2::4, 2::4])
    assert np.array_equal(low_noisy, noisy[2::4, 2::4])
    assert low_clean.base is None  # the whole frames do not stay in memory
    assert low_noisy.base is None
    with pytest.raises(InputError, match="at least 44 pixels a side"):
        read_frames(tmp_path, "train", 11)
    with pytest.raises(InputError, match="no pairs of a noisy and a clean frame"):
        read_frames(tmp_path, "test")
