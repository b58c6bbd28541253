from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from srdgan_rt.metrics import open_data_set
from training import make_pairs
from training.bursts.manifest import Manifest
from training.data.pictures import read_phone_pairs
from training.loop.lock import hold_folder

NUM_FRAMES = 6
Run = Callable[..., int]


@pytest.fixture
def bursts(photographer: Any, tmp_path: Path) -> Path:
    """Three scenes; in the second one, frame 2 has moved and frame 4 shows something else."""
    photographer.height, photographer.width = 128, 160
    photographer.camera = replace(photographer.camera, shot=0.0002)  # so small a picture is aligned less exactly
    folder = tmp_path / "bursts"
    for name in ("attic", "bridge", "cellar"):
        shifts = np.zeros((NUM_FRAMES, 2))
        shifts[2, 0] = 1.3 if name == "bridge" else 0
        frames = photographer.take(shifts).frames
        if name == "bridge":
            frames[4] = 255 - frames[4]
        write_burst(folder / name, frames)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["make_pairs", "--min-frames", "5", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            make_pairs.main()
        return int(stop.value.code or 0)

    return call


def write_burst(folder: Path, frames: list[Any]) -> None:
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"IMG_{index}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


def read_manifest(out: Path) -> Any:
    return json.loads((out / "manifest.json").read_text())


def test_pairs_are_what_evaluation_and_training_read(bursts: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run(bursts, out) == 0
    manifest = read_manifest(out)
    assert list(manifest) == ["attic", "bridge", "cellar"]
    assert {record["split"] for record in manifest.values()} == {"train", "val", "test"}
    for name, record in manifest.items():
        samples = open_data_set(out / record["split"]).samples
        assert len(samples) == NUM_FRAMES - (name == "bridge")
        for read in samples.values():
            sample = read()
            assert sample.low.shape == sample.low_clean.shape
        assert len(list(read_phone_pairs(out / record["split"]))) == len(samples)
    frames = manifest["bridge"]["frames"]
    assert "differs" in frames[4]["rejected"]
    assert frames[4]["noisy"] == ""
    assert frames[4]["file"] == "IMG_4.png"
    shift = frames[2]["shift"][0] - frames[0]["shift"][0]
    assert shift == pytest.approx(1.3, abs=0.1)
    # The shared clean picture lies on the disk once, that of the moved frame beside it.
    inodes = {(out / frame["clean"]).stat().st_ino for frame in frames if frame["clean"]}
    assert len(inodes) == 2
    assert len({(out / frame["clean"]).stat().st_ino for frame in manifest["attic"]["frames"]}) == 1


def test_the_manifest_tells_the_noise(bursts: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    run(bursts, out)
    record = read_manifest(out)["attic"]
    noisy, clean = (
        cv2.imread(str(out / record["split"] / f"attic_00_{kind}.png")).astype(float) for kind in ("noisy", "clean")
    )
    expected = (noisy - clean).std() * (NUM_FRAMES / (NUM_FRAMES - 1)) ** 0.5
    assert min(record["noise"]["sigma"]) < expected < max(record["noise"]["sigma"])
    assert record["noise"]["autocorrelation"][0] > 0.2  # as demosaicing leaves it


def test_done_scenes_are_skipped_and_changed_ones_made_anew(
    bursts: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(bursts, out)
    before = read_manifest(out)
    (bursts / "bridge" / "IMG_4.png").unlink()
    made = []
    original = make_pairs.make_scene

    def record_call(folder: Path, *rest: Any) -> Any:
        made.append(folder.name)
        return original(folder, *rest)

    monkeypatch.setattr(make_pairs, "make_scene", record_call)
    assert run(bursts, out) == 0
    assert made == ["bridge"]
    after = read_manifest(out)
    assert after["attic"] == before["attic"]
    assert len(after["bridge"]["frames"]) == NUM_FRAMES - 1
    names = {path.name for path in (out / after["bridge"]["split"]).iterdir()}
    assert names == {f"bridge_{index:02d}_{kind}.png" for index in range(5) for kind in ("clean", "noisy")}


@pytest.mark.parametrize("num_gone", [2, NUM_FRAMES])
def test_pairs_are_kept_where_the_frames_are_gone(
    bursts: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], num_gone: int
) -> None:
    out = tmp_path / "out"
    run(bursts, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for index in range(num_gone):
        (bursts / "attic" / f"IMG_{index}.png").unlink()
    shutil.rmtree(bursts / "bridge")
    capsys.readouterr()
    assert run(bursts, out) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"attic: {num_gone} of its {NUM_FRAMES} frames are gone, its finished pairs are kept"
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_pairs_that_the_options_rule_out_are_removed_and_the_line_says_so(
    bursts: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(bursts, out)
    cv2.imwrite(str(bursts / "attic" / "IMG_6.png"), np.zeros((128, 160, 3), np.uint8))
    assert run(bursts, out, "--min-frames", "7") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "attic: at least 7 frames must fit together, got 6 of 7; its pairs of an earlier run are removed",
        *(
            f"{name}: a burst must have at least 7 frames, got 6; its pairs of an earlier run are removed"
            for name in ("bridge", "cellar")
        ),
    ]
    assert read_manifest(out) == {}
    assert not list(out.rglob("*.png"))


def test_a_run_that_was_interrupted_is_completed(
    bursts: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second scene, between its pictures: the first is kept, the second made anew."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(bursts, whole)
    original, calls = make_pairs.write_picture, []

    def stop(path: Path, *rest: Any) -> Any:
        calls.append(path)
        if "bridge_03" in path.name:
            raise KeyboardInterrupt
        return original(path, *rest)

    monkeypatch.setattr(make_pairs, "write_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        make_pairs.make_pairs(bursts, out, 5, 0.01)
    assert set(Manifest(out).scenes) == {"attic"}
    monkeypatch.setattr(make_pairs, "write_picture", original)
    assert run(bursts, out) == 0
    files = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()} == files


def test_bad_scenes_are_one_line_each(
    bursts: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = [np.full((80, 80, 3), 128, np.uint8)] * 5
    write_burst(bursts / "few", grey[:2])
    write_burst(bursts / "sizes", [*grey[:4], grey[0][:70]])
    write_burst(bursts / "torn", grey)
    (bursts / "torn" / "IMG_3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (bursts / "empty").mkdir()
    out = tmp_path / "out"
    assert run(bursts, out) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["empty", "few", "sizes", "torn"]
    assert "at least 5 frames, got 2" in lines[1]
    assert "IMG_4.png: must be of 80 x 80 pixels as the first frame, got 80 x 70" in lines[2]
    assert "IMG_3.png" in lines[3]
    assert list(read_manifest(out)) == ["attic", "bridge", "cellar"]


def test_links_are_copied_where_there_are_none(
    bursts: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def refuse(*paths: Any, **folders: Any) -> None:
        if not folders:  # those name a file that is being written
            raise OSError("no hard links here")
        link(*paths, **folders)

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "out"
    assert run(bursts, out) == 0
    pictures = [(out / frame["clean"]) for frame in read_manifest(out)["attic"]["frames"]]
    assert len({path.read_bytes() for path in pictures}) == 1
    assert len({path.stat().st_ino for path in pictures}) == NUM_FRAMES


def test_wrong_usage(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", tmp_path / "out") == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert run(tmp_path, tmp_path / "out", "--max-moving", "2") == 2
    assert "--max-moving must be 0..1, got 2.0" in capsys.readouterr().err


def test_two_commands_do_not_write_into_one_folder(
    bursts: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_folder(tmp_path / "out"):
        assert run(bursts, tmp_path / "out") == 1
    assert f"another process is writing into {tmp_path / 'out'}" in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()
