"""Files appear whole or not at all, and a killed process leaves nothing for ever."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srdgan_rt import atomic
from srdgan_rt.atomic import remove_orphans, replace_file

WRITER = """
import runpy, sys, time
names = runpy.run_path(sys.argv[1])
if sys.argv[3] == "named":
    names["replace_file"].__wrapped__.__globals__["_open_nameless"] = lambda folder: None
with names["replace_file"](sys.argv[2]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["nameless", "named"])
def kind(request, monkeypatch):
    """Both ways to write a file: those of file systems with and without nameless files."""
    if request.param == "named":
        monkeypatch.setattr(atomic, "_open_nameless", lambda folder: None)
    return request.param


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_when_the_block_ends(kind, tmp_path):
    with replace_file(tmp_path / "a") as file:
        file.write(b"whole")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names_in(tmp_path) == ["a"]


def test_replaces_what_is_there_and_keeps_it_on_failure(kind, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        _write_and_interrupt(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]
    with replace_file(tmp_path / "a") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def _write_and_interrupt(path):
    with replace_file(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt


def test_mode_follows_the_umask(kind, tmp_path):
    before = os.umask(0o027)
    try:
        with replace_file(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_link_keeps_pointing_to_its_target(kind, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/target")
    with replace_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "target").read_bytes() == b"new"


def test_a_pipe_is_not_replaced(kind, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(OSError, match="a device or pipe cannot be replaced by a file") as caught,
        replace_file(tmp_path / "pipe"),
    ):
        pass
    assert caught.value.filename == str(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_missing_folder_is_an_error(kind, tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replace_file(tmp_path / "none" / "a"):
        pass
    assert caught.value.filename == str(tmp_path / "none" / "a")


def test_full_disk_names_the_file(kind, tmp_path):
    with pytest.raises(OSError, match="No space left") as caught, replace_file(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "a")


@pytest.fixture
def start_writer(tmp_path):
    """Starts a process that is in the middle of writing ``tmp_path / "a"``."""
    processes = []

    def start(kind):
        command = [sys.executable, "-S", "-c", WRITER, atomic.__file__, str(tmp_path / "a"), kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"writing\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(atomic._open_nameless(Path("probe").absolute()) is None, reason="no nameless files here")
def test_kill_leaves_nothing_where_files_may_be_nameless(start_writer, tmp_path):
    process = start_writer("nameless")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert names_in(tmp_path) == []


def test_orphan_is_removed_once_its_owner_is_gone_and_not_before(start_writer, tmp_path):
    process = start_writer("named")
    (orphan,) = names_in(tmp_path)
    remove_orphans(tmp_path, safe_age=0)
    assert names_in(tmp_path) == [orphan]
    process.send_signal(signal.SIGKILL)
    process.wait()
    remove_orphans(tmp_path)
    assert names_in(tmp_path) == [orphan], "too young: it might be waiting for its lock"
    remove_orphans(tmp_path, safe_age=0)
    assert names_in(tmp_path) == []


def test_next_write_into_the_folder_removes_old_orphans_and_nothing_else(tmp_path):
    hour_ago = time.time() - 3600
    for name in (".srdgan-0123456789abcdef.tmp", ".srdgan-notes", "other.tmp"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (hour_ago, hour_ago))
    with replace_file(tmp_path / "a"):
        pass
    assert names_in(tmp_path) == [".srdgan-notes", "a", "other.tmp"]


def test_missing_folder_holds_no_orphans(tmp_path):
    remove_orphans(tmp_path / "none")
