"""Folders into which pictures are put while the program runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from srdgan_rt.errors import InputError
from srdgan_rt.image.find import list_files

_SETTLE_SECONDS = 2.0

Stamp = tuple[int, int]
"""Size and time of the last change of a file, in bytes and nanoseconds."""


class FolderWatch:
    """Finds the files of folders that are completely written: that have not changed for two seconds.

    It looks at the folders anew at each call, which also works on network drives, where the system reports no changes.

    Args:
        folders: folders to watch.
        recursive: whether to watch their subfolders, too.
        clock: the time in seconds.

    Raises:
        InputError: an input is no folder.
    """

    def __init__(
        self, folders: Sequence[str], recursive: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        for folder in folders:
            if not os.path.isdir(folder):  # noqa: PTH112 (never raises)
                raise InputError(f"--watch: inputs must be folders, got {folder}")
        self._folders = [Path(folder) for folder in folders]
        self._recursive = recursive
        self._clock = clock
        self._seen: dict[Path, tuple[Stamp, float]] = {}
        self._settled: dict[Path, Stamp] = {}

    def poll(self) -> set[Path]:
        """The files that have settled since the last call. A file that changes later settles once more."""
        now = self._clock()
        seen: dict[Path, tuple[Stamp, float]] = {}
        fresh = set()
        for folder in self._folders:
            for path in list_files(folder, self._recursive)[0]:
                stamp = _stamp(path)
                if stamp is None or self._settled.get(path) == stamp:
                    continue
                before, since = self._seen.get(path, (None, now))
                seen[path] = (stamp, since if stamp == before else now)
                if now - seen[path][1] >= _SETTLE_SECONDS:
                    fresh.add(path)
                    self._settled[path] = stamp
        self._seen = seen
        return fresh


def _stamp(path: Path) -> Stamp | None:
    """None where the file is gone by now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
