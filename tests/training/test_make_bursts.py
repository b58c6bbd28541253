from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.make_bursts import Options, make_bursts
from training.make_pairs import make_pairs

OPTIONS = Options(frames=4, seed=0, shift=0.3, moving=0.0, quality=0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        picture = cv2.resize(rng.integers(60, 200, (12, 16, 3), np.uint8), (160, 128), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bursts_depend_on_seed_and_name_alone(photos: Path, tmp_path: Path) -> None:
    assert make_bursts(photos, tmp_path / "one", OPTIONS, workers=1) == 0
    assert make_bursts(photos, tmp_path / "two", OPTIONS, workers=2) == 0
    one = content(tmp_path / "one")
    assert one == content(tmp_path / "two")
    assert len(one) == 2 * (OPTIONS.frames + 2)
    assert one["a/00.png"] != one["a/01.png"]


def test_a_scene_that_was_not_finished_is_made_again_and_a_finished_one_is_not(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_bursts(photos, out, OPTIONS, workers=1)
    before = content(out)
    (out / "a.json").unlink()
    (out / "a" / "02.png").unlink()
    untouched = (out / "b" / "00.png").stat().st_mtime_ns
    make_bursts(photos, out, OPTIONS, workers=1)
    assert content(out) == before
    assert (out / "b" / "00.png").stat().st_mtime_ns == untouched


def test_a_damaged_photograph_is_named_and_the_others_go_on(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "a.png").write_bytes(b"no picture")
    assert make_bursts(photos, tmp_path / "out", OPTIONS, workers=1) == 1
    assert "a.png" in capsys.readouterr().err
    assert (tmp_path / "out" / "b.json").is_file()


def test_bursts_make_pairs(photos: Path, tmp_path: Path) -> None:
    options = Options(frames=8, seed=1, shift=0.3, moving=0.0, quality=95)
    make_bursts(photos, tmp_path / "bursts", options, workers=1)
    assert json.loads((tmp_path / "bursts" / "a.json").read_text())["shifts"][0] == [0, 0]
    assert make_pairs(tmp_path / "bursts", tmp_path / "pairs", 5, 0.05) == 0
    assert list((tmp_path / "pairs").glob("*/a_*_clean.png"))
