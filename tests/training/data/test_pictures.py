from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, write_picture
from training.data.notes import take_notes
from training.data.pictures import DataFolder, has_frames, read_frames, read_phone_pairs, read_rgb


def test_any_picture_becomes_rgb_of_8_bits(tmp_path: Path) -> None:
    write_picture(tmp_path / "grey.png", Picture(np.full((4, 5), 65535, np.uint16)))
    write_picture(tmp_path / "clear.png", Picture(np.full((4, 5, 4), 0, np.uint8)))
    write_picture(tmp_path / "grey_alpha.png", Picture(np.full((4, 5, 2), (100, 51), np.uint8)))
    assert read_rgb(tmp_path / "grey.png").tolist() == np.full((4, 5, 3), 255).tolist()
    assert read_rgb(tmp_path / "clear.png").tolist() == np.full((4, 5, 3), 255).tolist()  # on white
    assert read_rgb(tmp_path / "grey_alpha.png").tolist() == np.full((4, 5, 3), 255 - 155 // 5).tolist()


def test_photographs_that_are_too_small_are_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train_photos").mkdir()
    for side in (39, 40, 100):
        write_picture(tmp_path / "train_photos" / f"{side}.png", Picture(np.zeros((side, 120, 3), np.uint8)))
    with take_notes() as notes:
        photographs = DataFolder(tmp_path).read_photographs(40)
    assert [picture.shape[0] for picture in photographs] == [100, 50, 40]
    assert {path.name for path in notes.files} == {"40.png", "100.png"}
    assert "1 of 3 photographs in" in capsys.readouterr().err
    DataFolder(tmp_path).read_photographs(39)
    assert capsys.readouterr().err == ""


def test_pairs_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^there is no folder .*none$"):
        next(read_phone_pairs(tmp_path / "none"))
    for kind, height in (("clean", 40), ("noisy", 44)):
        write_picture(tmp_path / f"a_{kind}.png", Picture(np.zeros((height, 48, 3), np.uint8)))
    with pytest.raises(InputError, match=r"/a_clean\.png and its noisy picture differ in size: 48 x 40 and 48 x 44$"):
        next(read_phone_pairs(tmp_path))


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
    with pytest.raises(InputError, match=r"scene_00_clean\.png must have at least 44 pixels a side, has 48 x 40$"):
        read_frames(tmp_path, "train", 11)
    (tmp_path / "pairs" / "test").mkdir()  # as make_pairs leaves it where there is a single scene
    assert (has_frames(tmp_path, "train"), has_frames(tmp_path, "test")) == (True, False)
    with pytest.raises(InputError, match=r"no pairs of a noisy and a clean frame: neither .* holds any$"):
        read_frames(tmp_path, "test")
