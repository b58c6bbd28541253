"""Memory limits of Linux control groups (cgroups, version 1 and 2), as containers and batch systems set them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class MemoryLimit:
    """The limit of one control group.

    Args:
        limit: bytes that the group may use.
        usage_file: holds the bytes that it uses, page cache included.
        statistics_file: holds, among others, its page cache.
        cache_name: what the page cache is called in there.
    """

    limit: int
    usage_file: Path
    statistics_file: Path
    cache_name: str

    def measure_free(self, enough: int) -> int:
        """Bytes that the group may still use; where that is ``enough`` or more, perhaps an estimate that is too low.

        Page cache counts as used, but the kernel frees it under pressure. The file that states it is slow to read.
        """
        used = _read_number(self.usage_file)
        if used is None:
            return enough
        free = max(0, self.limit - used)
        return free if free >= enough else max(0, self.limit - used + self._read_cache())

    def _read_cache(self) -> int:
        try:
            statistics = dict(line.split() for line in self.statistics_file.read_text().splitlines())
        except (OSError, ValueError):
            return 0
        return int(statistics.get(self.cache_name, 0))


def limit_free_memory(available: int, root: Path = Path("/")) -> int:
    """What the control groups of this process leave of the machine's free memory.

    Args:
        available: bytes that are free in the machine.
        root: of the file system; another one in tests.

    Returns:
        Bytes, ``available`` at most. A limit that changes is noticed after a second.
    """
    limits = _find_limits(root, int(time.monotonic()))
    return min([available, *(limit.measure_free(available) for limit in limits)])


@lru_cache(maxsize=1)
def _find_limits(root: Path, second: int) -> tuple[MemoryLimit, ...]:
    """The limits that count, kept for one second: reading all files takes longer than a small picture may wait."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return tuple(limit for limit in _list_limits(root) if limit.limit < machine)


def _list_limits(root: Path) -> Iterator[MemoryLimit]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, limit_name, usage_name, cache_name = "", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, limit_name, usage_name = "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache_name = "total_inactive_file"
        else:
            continue
        top = root / "sys/fs/cgroup" / base
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            if (limit := _read_number(folder / limit_name)) is not None:
                yield MemoryLimit(limit, folder / usage_name, folder / "memory.stat", cache_name)
            if folder == top:
                break


def _read_number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None  # "max" is no limit
