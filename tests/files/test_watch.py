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


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_file_settles_once_it_has_not_changed_for_two_seconds(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    assert watch.poll() == set()
    clock.now = 1.5
    photo.write_bytes(b"ab")  # still being written
    assert watch.poll() == set()
    clock.now = 3
    assert watch.poll() == set()
    clock.now = 3.5
    assert watch.poll() == {photo}
    clock.now = 10
    assert watch.poll() == set()


def test_a_file_that_changes_later_settles_once_more(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a")
    watch.poll()
    clock.now = 2
    assert watch.poll() == {photo}
    os.utime(photo, ns=(1, 1))  # same size
    assert watch.poll() == set()
    clock.now = 4
    assert watch.poll() == {photo}


def test_a_file_that_vanishes_is_forgotten(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([str(tmp_path)], clock=clock)
    (tmp_path / "photo.png").write_bytes(b"a")
    watch.poll()
    (tmp_path / "photo.png").unlink()
    clock.now = 5
    assert watch.poll() == set()


def test_subfolders_only_where_asked_for(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.png").write_bytes(b"a")
    watches = [FolderWatch([str(tmp_path)], recursive, clock) for recursive in (False, True)]
    for watch in watches:
        watch.poll()
    clock.now = 2
    assert [watch.poll() for watch in watches] == [set(), {tmp_path / "a" / "photo.png"}]


def test_inputs_must_be_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--watch: inputs must be folders, got .*none"):
        FolderWatch([str(tmp_path), str(tmp_path / "none")])
