from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from srdgan_rt.errors import InputError, SrdganError
from training.loop.lock import hold_folder
from training.make_bursts import Options, make_bursts
from training.make_pairs import make_pairs

OPTIONS = Options(frames=3, seed=0, shift=0.3, moving=0.0, quality=0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "a.png"):
        picture = cv2.resize(rng.integers(60, 200, (12, 16, 3), np.uint8), (160, 128), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / name), picture)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bursts_depend_on_seed_and_name_alone(photos: Path, tmp_path: Path) -> None:
    assert make_bursts(photos, tmp_path / "one", OPTIONS, workers=1) == 0
    assert make_bursts(photos, tmp_path / "two", OPTIONS, workers=2) == 0
    one = content(tmp_path / "one")
    assert one == content(tmp_path / "two")
    frames = {f"{scene}/{name}" for scene in ("a_jpg", "a_png") for name in ("00.png", "01.png", "02.png")}
    records = {f"{scene}/{name}" for scene in ("a_jpg", "a_png") for name in ("truth/truth.png", "burst.json")}
    assert one.keys() == frames | records | {"manifest.json"}
    assert len({one[name] for name in frames}) == len(frames)
    scenes = json.loads(one["manifest.json"])["scenes"]
    assert scenes["a_jpg"] == json.loads(one["a_jpg/burst.json"])
    assert scenes["a_jpg"]["camera"]["phone"]
    assert scenes["a_jpg"]["camera"]["iso"] > 0
    assert len(scenes["a_jpg"]["shifts"]) == 3


def test_what_is_done_is_left_alone(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    make_bursts(photos, out, OPTIONS, workers=1)
    before = content(out)
    (out / "a_png" / "02.png").unlink()
    time = (out / "a_jpg" / "00.png").stat().st_mtime_ns
    capsys.readouterr()
    assert make_bursts(photos, out, OPTIONS, workers=1) == 0
    assert capsys.readouterr().out.splitlines() == ["1/2 a_jpg: 3 frames, there already", "2/2 a_png: 3 frames"]
    assert content(out) == before
    assert (out / "a_jpg" / "00.png").stat().st_mtime_ns == time


def test_other_options_or_another_photograph_make_a_scene_anew(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_bursts(photos, out, OPTIONS, workers=1)
    first = content(out)
    shutil.copyfile(photos / "a.jpg", photos / "a.png")
    make_bursts(photos, out, OPTIONS, workers=1)
    second = content(out)
    assert {name for name in first if first[name] != second[name]} >= {"a_png/00.png", "manifest.json"}
    assert first["a_jpg/00.png"] == second["a_jpg/00.png"]
    make_bursts(photos, out, replace(OPTIONS, frames=2, quality=90), workers=1)
    assert {path.name for path in (out / "a_jpg").iterdir()} == {"00.jpg", "01.jpg", "truth", "burst.json"}


def test_what_was_not_made_here_is_not_touched(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    make_bursts(photos, out, OPTIONS, workers=1)
    (out / "a_jpg" / "note.txt").write_text("mine")
    (out / "a_png" / "burst.json").unlink()
    before = content(out)
    assert make_bursts(photos, out, replace(OPTIONS, seed=1), workers=1) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "holds note.txt, which was not made here" in errors[0]
    assert "has no burst.json of it" in errors[1]
    after = content(out)
    assert {name for name in before if before[name] != after[name]} == {"manifest.json"}
    (out / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"manifest\.json must have been made by this command"):
        make_bursts(photos, out, OPTIONS, workers=1)


def test_a_damaged_photograph_is_named_and_the_others_go_on(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "a.jpg").write_bytes(b"no picture")
    assert make_bursts(photos, tmp_path / "out", OPTIONS, workers=1) == 1
    assert capsys.readouterr().err.count("a.jpg") == 1
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["a_png", "manifest.json"]


def test_what_a_killed_run_left_is_removed(photos: Path, tmp_path: Path) -> None:
    make_bursts(photos, tmp_path / "whole", OPTIONS, workers=1)
    (tmp_path / "out" / ".making-x1y2z3" / "new").mkdir(parents=True)
    (tmp_path / "out" / ".making-x1y2z3" / "new" / "00.png").write_bytes(b"half")
    make_bursts(photos, tmp_path / "out", OPTIONS, workers=1)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_two_commands_do_not_write_into_one_folder(photos: Path, tmp_path: Path) -> None:
    with hold_folder(tmp_path / "out"), pytest.raises(SrdganError, match="another process is writing into"):
        make_bursts(photos, tmp_path / "out", OPTIONS, workers=1)


def test_bursts_make_pairs(photos: Path, tmp_path: Path) -> None:
    options = Options(frames=8, seed=1, shift=0.3, moving=0.0, quality=95)
    make_bursts(photos, tmp_path / "bursts", options, workers=1)
    assert json.loads((tmp_path / "bursts" / "a_jpg" / "burst.json").read_text())["shifts"][0] == [0, 0]
    assert make_pairs(tmp_path / "bursts", tmp_path / "pairs", 5, 0.05) == 0
    assert list((tmp_path / "pairs").glob("*/a_jpg_*_clean.png"))
