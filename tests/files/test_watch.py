"""Files that are completely written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.files.watch import FolderWatch


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def poll(watch: FolderWatch) -> set[Path]:
    return {found.path for found in watch.poll()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_file_settles_once_it_has_not_changed_for_two_seconds(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    assert poll(watch) == set()
    clock.now = 1.5
    photo.write_bytes(b"ab")  # still being written
    assert poll(watch) == set()
    clock.now = 3
    assert poll(watch) == set()
    clock.now = 3.5
    assert poll(watch) == {photo}
    clock.now = 10
    assert poll(watch) == set()


def test_a_file_goes_by_its_own_name_and_not_by_that_of_a_link(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    (tmp_path / "a.png").symlink_to(photo)
    assert poll(watch) == set()
    clock.now = 2
    assert poll(watch) == {photo}


def test_a_file_that_changes_later_settles_once_more(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    watch.poll()
    clock.now = 2
    assert poll(watch) == {photo}
    os.utime(photo, ns=(1, 1))  # same size
    assert poll(watch) == set()
    clock.now = 4
    assert poll(watch) == {photo}


def test_a_file_that_vanishes_is_forgotten(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    watch.poll()
    clock.now = 2
    assert poll(watch) == {photo}
    photo.rename(tmp_path / "photo.tmp")
    clock.now = 4
    assert poll(watch) == set()
    (tmp_path / "photo.tmp").rename(photo)
    assert poll(watch) == set()
    clock.now = 6
    assert poll(watch) == {photo}


def test_a_folder_that_vanishes_is_a_problem_and_its_files_are_remembered(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "photo.png").write_bytes(b"a")
    watch = FolderWatch([str(folder)], clock=clock)
    watch.poll()
    clock.now = 2
    assert poll(watch) == {folder / "photo.png"}
    assert watch.problems == {}
    folder.rename(tmp_path / "away")
    assert poll(watch) == set()
    assert {path: str(error) for path, error in watch.problems.items()} == {
        folder: f"{folder}: No such file or directory"
    }
    (tmp_path / "away").rename(folder)
    (folder / "new.png").write_bytes(b"b")
    watch.poll()
    assert watch.problems == {}
    clock.now = 5
    assert poll(watch) == {folder / "new.png"}


def test_formats_that_cannot_be_read_are_noted(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "photo.jp2").touch()
    (tmp_path / "notes.txt").touch()
    watch = FolderWatch([str(tmp_path)], clock=clock)
    watch.poll()
    clock.now = 2
    assert [(found.path.name, found.note) for found in watch.poll()] == [
        ("photo.jp2", "left out: JPEG 2000 files cannot be read")
    ]


def test_subfolders_only_where_asked_for(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.png").write_bytes(b"a")
    watches = [FolderWatch([str(tmp_path)], recursive, clock) for recursive in (False, True)]
    for watch in watches:
        watch.poll()
    clock.now = 2
    assert [poll(watch) for watch in watches] == [set(), {tmp_path / "a" / "photo.png"}]


def test_a_file_in_two_of_the_folders_settles_once(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "sub").mkdir()
    photo = tmp_path / "sub" / "photo.png"
    photo.write_bytes(b"a")
    watch = FolderWatch([str(tmp_path), str(tmp_path / "sub")], recursive=True, clock=clock)
    watch.poll()
    clock.now = 2
    assert [found.path for found in watch.poll()] == [photo]


def test_inputs_must_be_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--watch: inputs must be folders, got .*none"):
        FolderWatch([str(tmp_path), str(tmp_path / "none")])
