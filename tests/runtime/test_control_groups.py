"""Free memory below the limits of control groups, read from few files."""

from __future__ import annotations

from pathlib import Path

import pytest

from srdgan_rt.runtime import control_groups
from srdgan_rt.runtime.control_groups import limit_free_memory

MACHINE = 10**6


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with a million bytes, whose time the test sets."""
    monkeypatch.setattr(control_groups.os, "sysconf", lambda name: {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 1000}[name])
    clock = [0.0]
    monkeypatch.setattr(control_groups.time, "monotonic", lambda: clock[0])
    control_groups._find_limits.cache_clear()
    yield clock
    control_groups._find_limits.cache_clear()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def group(tmp_path):
    """Two groups of version 2, of which the outer one has a limit of 1000 bytes."""
    write(tmp_path / "proc/self/cgroup", "0::/jobs/one\n")
    group = tmp_path / "sys/fs/cgroup/jobs"
    write(group / "one/memory.max", "max\n")
    write(group / "one/memory.current", "10\n")
    write(group / "memory.max", "1000\n")
    write(group / "memory.current", "700\n")
    write(group / "memory.stat", "anon 500\ninactive_file 150\n")
    return group


def test_version_2(tmp_path, group):
    assert limit_free_memory(5000, tmp_path) == 450  # 300, and 150 of page cache
    assert limit_free_memory(200, tmp_path) == 200


def test_version_1(tmp_path):
    write(tmp_path / "proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n")
    group = tmp_path / "sys/fs/cgroup/memory"
    write(group / "memory.limit_in_bytes", "9223372036854771712\n")  # what version 1 has for no limit
    write(group / "memory.usage_in_bytes", "0\n")
    write(group / "job/memory.limit_in_bytes", "1000\n")
    write(group / "job/memory.usage_in_bytes", "1100\n")
    write(group / "job/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n")
    assert limit_free_memory(5000, tmp_path) == 100


def test_a_change_of_use_is_seen_at_once_and_of_limits_after_a_second(tmp_path, group, machine):
    assert limit_free_memory(5000, tmp_path) == 450
    write(group / "memory.current", "900\n")
    assert limit_free_memory(5000, tmp_path) == 250
    write(group / "memory.max", "1200\n")
    write(group / "one/memory.max", "60\n")
    machine[0] += 1
    assert limit_free_memory(5000, tmp_path) == 50
    write(group / "one/memory.max", "max\n")
    machine[0] += 1
    assert limit_free_memory(5000, tmp_path) == 450


def test_few_files_are_read(tmp_path, group, monkeypatch):
    read = []
    read_text = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **k: (read.append(path.name), read_text(path, *a, **k))[1])
    limit_free_memory(5000, tmp_path)
    read.clear()
    assert limit_free_memory(5000, tmp_path) == 450
    assert read == ["memory.current", "memory.stat"]
    read.clear()
    assert limit_free_memory(300, tmp_path) == 300  # enough without the page cache
    assert read == ["memory.current"]


def test_limits_beyond_the_machine_are_not_followed(tmp_path, group, monkeypatch):
    write(group / "memory.max", f"{MACHINE}\n")
    limit_free_memory(5000, tmp_path)
    monkeypatch.setattr(Path, "read_text", lambda path: pytest.fail(f"{path} was read"))
    assert limit_free_memory(5000, tmp_path) == 5000


def test_damaged_and_missing_files(tmp_path, group):
    write(group / "memory.stat", "nonsense\n")
    assert limit_free_memory(5000, tmp_path) == 300
    (group / "memory.current").unlink()
    assert limit_free_memory(5000, tmp_path) == 5000
    assert limit_free_memory(77, tmp_path / "elsewhere") == 77
