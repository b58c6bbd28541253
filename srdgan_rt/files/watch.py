"""Folders into which pictures are put while the program runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srdgan_rt.errors import InputError
from srdgan_rt.image import FoundPicture
from srdgan_rt.image.find import keep_once, list_files, select_pictures

_SETTLE_SECONDS = 2.0

Stamp = tuple[int, int]
"""Size and time of the last change of a file, in bytes and nanoseconds."""


@dataclass
class _State:
    """What is known of a file: its stamp, since when it has had it, and whether it was found to have settled."""

    stamp: Stamp
    since: float
    has_settled: bool = False


class FolderWatch:
    """Finds the pictures of folders that are completely written: that have not changed for two seconds.

    It looks at the folders anew at each call, which also works on network drives, where the system reports no changes.

    Args:
        folders: folders to watch.
        recursive: whether to watch their subfolders, too.
        clock: the time in seconds.

    Raises:
        InputError: an input is no folder.

    Attributes:
        problems: folders that could not be searched at the last look, and why.
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
        self._files: dict[Path, _State] = {}
        self.problems: dict[Path, InputError] = {}

    def poll(self) -> list[FoundPicture]:
        """The pictures that have settled since the last call, with notes for formats that cannot be read.

        A file that changes later settles once more; so does one that was gone.
        """
        now = self._clock()
        known, self._files, self.problems = self._files, {}, {}
        found = []
        for folder in self._folders:
            files, problems = list_files(folder, self._recursive)
            self.problems |= {problem.path: problem.error for problem in problems if problem.error is not None}
            found += select_pictures(folder, [path for path in files if self._settles(path, known.get(path), now)])
        # What lies in a folder that cannot be searched is not gone: a network drive may be away for a moment.
        kept = {path: state for path, state in known.items() if not self.problems.keys().isdisjoint(path.parents)}
        self._files = kept | self._files
        return keep_once(found)

    def _settles(self, path: Path, known: _State | None, now: float) -> bool:
        """Looks at a file; returns whether it has settled now."""
        stamp = _stamp(path)
        if stamp is None or path in self._files:  # it may lie in two of the folders
            return False
        state = known if known is not None and known.stamp == stamp else _State(stamp, now)
        self._files[path] = state
        if state.has_settled or now - state.since < _SETTLE_SECONDS:
            return False
        state.has_settled = True
        return True


def _stamp(path: Path) -> Stamp | None:
    """None where the file is gone by now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
