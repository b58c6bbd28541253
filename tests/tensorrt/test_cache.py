"""Engines are built once, used only while they are whole, and kept within a limit."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from empty_engines import RECIPE, Builder
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt import atomic
from srdgan_rt.errors import EngineFileError
from srdgan_rt.tensorrt.cache import EngineCache, default_folder
from srdgan_rt.tensorrt.files import EngineFiles, read_engine, write_engine


def test_builds_once(cache, recipe, builder):
    first = cache.fetch(recipe, builder)
    second = EngineCache().fetch(recipe, builder)
    assert builder.count == 1
    assert first == second
    assert [files.engine.name for files in cache.list_engines()] == [f"{recipe.stem}.engine"]


def test_builds_again_if_asked(cache, recipe, builder):
    cache.fetch(recipe, builder)
    cache.fetch(recipe, builder, again=True)
    assert builder.count == 2


def test_builds_for_every_other_recipe(cache, recipe, builder, variants):
    cache.fetch(recipe, builder)
    for name, variant in variants.items():
        assert (cache.find(variant) is None) == (name != "targets")


def test_an_engine_of_another_name_is_found(cache, recipe, builder):
    """As it is after copying: ``engine build -o`` lets users choose the name."""
    stored = cache.fetch(recipe, builder)
    for path in stored.files.list_all():
        path.rename(path.with_name(path.name.replace(recipe.stem, "mine")))
    assert cache.find(dataclasses.replace(recipe, targets=("sm89",))).files.engine.name == "mine.engine"


@pytest.mark.parametrize("ending", [".engine", ".json"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty", "missing"])
def test_a_damaged_engine_is_built_again(cache, recipe, builder, caplog, ending, damage):
    good = cache.fetch(recipe, builder)
    path = cache.folder / f"{recipe.stem}{ending}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"cut": content[: len(content) // 2], "flipped": content, "foreign": b'{"a": 1}', "empty": b""}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    assert cache.find(recipe) is None
    again = cache.fetch(recipe, builder)
    assert builder.count == 2
    assert again.plan == good.plan == read_engine(again.files).plan
    if (ending, damage) != (".engine", "missing"):
        assert "the engine is built again" in caplog.text


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    files = EngineFiles(tmp_path_factory.mktemp("engine") / "a.engine")
    write_engine(files, RECIPE, Builder()())
    return files


@given(st.booleans(), st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_is_overlooked(sound, of_engine, place, bit):
    path = sound.engine if of_engine else sound.manifest
    content = bytearray(path.read_bytes())
    places = [index for index, byte in enumerate(content) if of_engine or byte > 32]  # blanks in JSON carry nothing
    place = places[place % len(places)]
    content[place] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(EngineFileError):
        read_engine(sound)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    read_engine(sound)


def test_an_engine_of_another_version_of_the_manifest_is_built_again(cache, recipe, builder, monkeypatch):
    files = cache.fetch(recipe, builder).files
    monkeypatch.setattr("srdgan_rt.tensorrt.recipe._FORMAT", 99)
    assert cache.find(recipe) is None
    assert [entry.reason for entry in cache.collect_garbage()] == [
        f"{files.manifest}: it is no manifest of an engine of this version"
    ]


def test_the_header_must_agree_with_the_manifest(recipe, builder, tmp_path):
    files = EngineFiles(tmp_path / "a.engine")
    write_engine(files, dataclasses.replace(recipe, targets=("sm75",)), builder())
    with pytest.raises(EngineFileError, match=r"must be of version 1.7.1.116 for sm75, got 1.7.1.116 for sm80, sm89"):
        read_engine(files)


# -- folders that cannot be written to --------------------------------------------------------------------------------


def test_without_a_folder_the_engine_is_used_from_memory(tmp_path, recipe, builder, caplog):
    (tmp_path / "file").write_bytes(b"")
    stored = EngineCache(tmp_path / "file" / "engines").fetch(recipe, builder)
    assert stored.files is None
    assert stored.plan == builder().plan
    assert caplog.messages == [
        f"{tmp_path}/file/engines: Not a directory: the engine is not kept and has to be built again next time"
    ]


def test_on_a_full_disk_the_engine_is_used_from_memory(cache, recipe, builder, caplog, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", fail)
    stored = cache.fetch(recipe, builder)
    assert stored.files is None
    assert caplog.messages == [
        f"{cache.folder}: No space left on device: the engine is not kept and has to be built again next time"
    ]
    assert [path.name for path in cache.folder.iterdir()] == [f".{recipe.stem}.lock"]
    monkeypatch.undo()
    assert cache.find(recipe) is None


def test_a_folder_that_can_only_be_read_serves(cache, recipe, builder, monkeypatch):
    cache.fetch(recipe, builder)

    def fail(*arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", fail)
    monkeypatch.setattr(Path, "mkdir", fail)
    assert cache.fetch(recipe, builder).files is not None
    assert builder.count == 1


def test_an_interrupted_build_leaves_nothing(cache, recipe, builder):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.fetch(recipe, interrupted)
    assert cache.list_engines() == []
    assert cache.fetch(recipe, builder).files is not None  # the lock is free


# -- several at once --------------------------------------------------------------------------------------------------


def test_two_threads_build_one_engine(cache, recipe, builder):
    def slow():
        time.sleep(0.05)
        return builder()

    results = []
    threads = [threading.Thread(target=lambda: results.append(cache.fetch(recipe, slow))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builder.count == 1
    assert len({stored.manifest.built for stored in results}) == 1


@pytest.mark.slow
def test_two_processes_build_one_engine(cache, recipe, tmp_path):
    program = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from empty_engines import RECIPE, Builder
from srdgan_rt.tensorrt.cache import EngineCache
def build():
    print("built", flush=True)
    time.sleep(1)
    return Builder()()
EngineCache().fetch(RECIPE, build)
"""
    command = [sys.executable, "-c", program]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(printed) == ["", "built\n"]
    assert cache.find(recipe) is not None


def test_a_process_that_was_forked_during_a_build_holds_no_lock(cache, recipe, builder):
    """A second descriptor of the open lock file stands for the one that the forked process has."""
    copies = []

    def build():
        links = {int(link.name): link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
        copies.extend(os.dup(number) for number, path in links.items() if path.name == f".{recipe.stem}.lock")
        return builder()

    cache.fetch(recipe, build)
    with cache._lock_path(cache._files(recipe)).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (copy,) = copies
    os.close(copy)


# -- garbage ----------------------------------------------------------------------------------------------------------


def keep_three(cache, recipe, builder):
    """Three engines, used one after the other."""
    stored = []
    for age, version in ((300, "1"), (200, "2"), (100, "3")):
        files = EngineFiles(cache.folder / f"{version}.engine")
        cache.folder.mkdir(exist_ok=True)
        stored.append(write_engine(files, dataclasses.replace(recipe, library="tensorrt", version=version), builder()))
        for path in files.list_all():
            os.utime(path, (time.time() - age,) * 2)
    return stored


def names(cache):
    return [files.engine.stem for files in cache.list_engines()]


def test_the_least_used_go_first(cache, recipe, builder):
    first, second, _ = keep_three(cache, recipe, builder)
    size = sum(path.stat().st_size for path in first.files.list_all())
    cache.find(first.manifest.recipe)  # which makes it the last used
    removed = cache.collect_garbage(2 * size + 50)
    assert [entry.engine for entry in removed] == [second.files.engine]
    assert removed[0].size == size
    assert names(cache) == ["1", "3"]
    assert not list(cache.folder.glob("2.*"))


def test_a_limit_of_nothing_removes_all(cache, recipe, builder):
    keep_three(cache, recipe, builder)
    (cache.folder / "mine.txt").write_text("stays")
    assert len(cache.collect_garbage(0)) == 3
    assert names(cache) == []
    assert (cache.folder / "mine.txt").exists()


def test_building_keeps_the_folder_within_its_limit(folder, recipe, builder):
    cache = EngineCache(limit=100)
    cache.fetch(recipe, builder)
    other = dataclasses.replace(recipe, graph="ef" * 32)
    cache.fetch(other, builder)
    assert names(cache) == [other.stem]


def test_what_another_process_builds_stays(cache, recipe, builder):
    cache.folder.mkdir()
    (cache.folder / f"{recipe.stem}.engine").write_bytes(b"half of it")
    with cache._lock(recipe):
        assert EngineCache().collect_garbage() == []
    assert [entry.engine.stem for entry in EngineCache().collect_garbage()] == [recipe.stem]


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_of_other_programs_stay(cache, recipe, builder):
    cache.folder.mkdir()
    foreign = {"yolo.engine": b"", "yolo.onnx": b"", "yolo.json": b'{"names": []}', "bare.engine": b"", "bare.pt": b""}
    for name, content in foreign.items():
        (cache.folder / name).write_bytes(content)
    assert cache.collect_garbage(0) == []
    assert list_names(cache.folder) == sorted(foreign)
    stored = cache.fetch(recipe, builder)
    beside = stored.files.engine.with_suffix(".onnx")
    beside.write_bytes(b"")
    assert len(cache.collect_garbage(0)) == 1
    assert list_names(cache.folder) == sorted([*foreign, beside.name, f".{recipe.stem}.lock"])


def test_an_engine_is_not_taken_for_a_part_of_another_one(cache, recipe, builder):
    short, long = (EngineFiles(cache.folder / name) for name in ("x4.engine", "x4.sharp.engine"))
    cache.folder.mkdir()
    for files in (short, long):
        write_engine(files, recipe, builder())
        files.kernels("RTX 4090, driver 580.1").write_bytes(b"")
    kept = long.list_all()
    assert len(kept) == len(short.list_all()) == 4
    facts = json.loads(short.manifest.read_bytes())
    short.manifest.write_text(json.dumps({**facts, "built": 0}))  # its digest is wrong now
    assert [entry.engine for entry in cache.collect_garbage()] == [short.engine]
    assert long.list_all() == kept
    assert short.list_all() == []


def test_an_engine_that_another_process_has_just_removed_is_passed_over(cache, recipe, builder, monkeypatch):
    keep_three(cache, recipe, builder)
    listed = cache.list_engines()
    monkeypatch.setattr(cache, "list_engines", lambda: listed)
    for path in listed[0].list_all():
        path.unlink()
    assert [entry.engine.stem for entry in cache.collect_garbage(0)] == ["2", "3"]


def test_an_engine_that_cannot_be_removed_counts(cache, recipe, builder):
    first, *_ = keep_three(cache, recipe, builder)
    size = sum(path.stat().st_size for path in first.files.list_all())
    with cache._lock_path(first.files).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a process that builds it
        removed = EngineCache().collect_garbage(2 * size + 50)
    assert [entry.engine.stem for entry in removed] == ["2"]


def test_an_empty_cache(cache):
    assert cache.list_engines() == []
    assert cache.collect_garbage() == []


def test_the_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv("SRDGAN_RT_ENGINES", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "srdgan_rt" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "srdgan_rt" / "engines"
    monkeypatch.setenv("SRDGAN_RT_ENGINES", "/elsewhere")
    assert default_folder() == Path("/elsewhere")


def test_manifests_are_plain_json(cache, recipe, builder):
    stored = cache.fetch(recipe, builder)
    facts = json.loads(stored.files.manifest.read_bytes())
    assert facts["recipe"]["targets"] == ["sm80", "sm89"]
    assert facts["engine"]["size"] == 200
