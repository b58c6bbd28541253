"""The folder of engines: each is built once, by whichever process comes first, and used only while it is whole."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from srdgan_rt.errors import EngineFileError
from srdgan_rt.tensorrt.build import BuiltEngine
from srdgan_rt.tensorrt.files import (
    ENDING,
    EngineFiles,
    StoredEngine,
    hold_engine,
    read_engine,
    read_manifest,
    write_engine,
)
from srdgan_rt.tensorrt.recipe import Recipe

logger = logging.getLogger("srdgan_rt")

FOLDER_VARIABLE = "SRDGAN_RT_ENGINES"
"""Environment variable that names another folder."""

DEFAULT_LIMIT = 4 * 10**9
"""Bytes that the folder may have before the engines that were not used for longest are removed."""


def default_folder() -> Path:
    """``$SRDGAN_RT_ENGINES``, or ``srdgan_rt/engines`` in the user's cache folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "srdgan_rt" / "engines"


@dataclass(frozen=True)
class Removed:
    """A removed engine.

    Args:
        engine: its path.
        size: bytes of all its files.
        reason: why it was removed, one line.
    """

    engine: Path
    size: int
    reason: str


class EngineCache:
    """Engines in a folder. Any number of processes and threads may use it at once.

    Args:
        folder: where they lie; None for :func:`default_folder`.
        limit: bytes that it may have; the last built engine stays even if it is larger.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = DEFAULT_LIMIT) -> None:
        self.folder = default_folder() if folder is None else folder
        self._limit = limit

    def list_engines(self) -> list[EngineFiles]:
        """All engines of the folder, whole or not, by name."""
        try:
            names = sorted(entry.name for entry in self.folder.iterdir() if entry.name.endswith(ENDING))
        except OSError:  # there is no such folder, or it cannot be read
            return []
        return [EngineFiles(self.folder / name) for name in names]

    def find(self, recipe: Recipe) -> StoredEngine | None:
        """An engine that can do what the recipe asks for; those that are damaged are passed over."""
        own = self._files(recipe)
        for files in sorted(self.list_engines(), key=lambda files: files != own):
            with suppress(EngineFileError):
                if read_manifest(files).recipe.serves(recipe):
                    stored = read_engine(files)
                    _note_use(files)
                    return stored
        return None

    def fetch(self, recipe: Recipe, build: Callable[[], BuiltEngine], *, again: bool = False) -> StoredEngine:
        """Finds an engine, or builds and keeps it.

        Where the folder cannot be written to, a warning says so and the engine is used all the same.

        Args:
            recipe: what it shall be.
            build: builds it; called in one process at a time for one recipe.
            again: build it even if it is there.

        Returns:
            The engine.
        """
        if not again and (found := self.find(recipe)) is not None:
            return found
        with self._lock(recipe) as writable:
            # Another process may have built it while this one waited.
            found = None if again else self.find(recipe)
            return found or self._build(recipe, build, keep=writable)

    def _build(self, recipe: Recipe, build: Callable[[], BuiltEngine], *, keep: bool) -> StoredEngine:
        files = self._files(recipe)
        if files.engine.exists():
            try:
                read_engine(files)
            except EngineFileError as error:
                logger.warning("%s; the engine is built again", error)
        built = build()
        if keep:
            try:
                stored = write_engine(files, recipe, built)
                self.collect_garbage(keep=files)
                return stored
            except OSError as error:
                _warn_of_loss(self.folder, error)
                with suppress(OSError):
                    _remove(files)  # what was written before the disk was full
        return hold_engine(recipe, built)

    def collect_garbage(self, limit: int | None = None, *, keep: EngineFiles | None = None) -> list[Removed]:
        """Removes damaged engines and those of other versions, then those not used for longest until the rest fits.

        Engines that a process is building or writing now are left alone, and so are those of other programs.

        Args:
            limit: bytes that may be left; None for the limit of the cache.
            keep: an engine that stays in any case.

        Returns:
            What was removed.
        """
        limit = self._limit if limit is None else limit
        removed, sound = [], []
        for files in self.list_engines():
            try:
                read_manifest(files)
                size, used = _measure(files)
            except (EngineFileError, OSError) as error:
                if files.is_ours():
                    removed += self._remove_unlocked(files, str(error))
                continue
            sound.append((used, size, files))
        total = sum(size for _, size, _ in sound)
        for _, size, files in sorted(sound, key=lambda entry: entry[0]):
            if total <= limit:
                break
            if files != keep:
                removed += self._remove_unlocked(files, f"all engines had {total} bytes, {limit} are allowed")
                total -= 0 if files.engine.exists() else size
        return removed

    def _files(self, recipe: Recipe) -> EngineFiles:
        return EngineFiles(self.folder / f"{recipe.stem}{ENDING}")

    def _remove_unlocked(self, files: EngineFiles, reason: str) -> list[Removed]:
        with suppress(OSError), self._lock_path(files).open("ab") as lock, _released(lock):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while another process builds it
            size, _ = _measure(files)  # an error if another process has removed it
            _remove(files)
            return [Removed(files.engine, size, reason)]
        return []

    def _lock_path(self, files: EngineFiles) -> Path:
        # A file of its own, which stays: were it removed, two processes could hold locks on two files of one name.
        return files.engine.with_name(f".{files.engine.name.removesuffix(ENDING)}.lock")

    @contextmanager
    def _lock(self, recipe: Recipe) -> Iterator[bool]:
        """Holds the right to build an engine; whether the folder can be written to at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = self._lock_path(self._files(recipe)).open("ab")
        except OSError as error:
            _warn_of_loss(self.folder, error)
            yield False
            return
        with lock, _released(lock):
            with suppress(OSError):  # a file system without locks: then two processes may build the same engine
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield True


@contextmanager
def _released(lock: IO[bytes]) -> Iterator[None]:
    """Releases a lock at the end. To close its file is not enough: a process that was forked meanwhile has it, too."""
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)


def _warn_of_loss(folder: Path, error: OSError) -> None:
    logger.warning("%s: %s: the engine is not kept and has to be built again next time", folder, error.strerror)


def _note_use(files: EngineFiles) -> None:
    with suppress(OSError):  # a folder that can only be read
        os.utime(files.manifest)


def _measure(files: EngineFiles) -> tuple[int, float]:
    """Bytes of an engine's files, and when one of them was used or written last.

    Raises:
        OSError: it has no files, or one of them is gone.
    """
    found = [path.stat() for path in files.list_all()]
    if not found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(files.engine))
    return sum(status.st_size for status in found), max(status.st_mtime for status in found)


def _remove(files: EngineFiles) -> None:
    for path in files.list_all():
        path.unlink()
