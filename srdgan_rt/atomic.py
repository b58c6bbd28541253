"""Atomic writing: a file appears whole or not at all.

Where the file system allows it (``O_TMPFILE``), a file has no name while it is written, so that nothing is left of it
if the process is killed. Elsewhere it has a temporary name and a lock, and the next process that writes into the folder
removes temporary files without a lock.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PREFIX, _ENDING = ".srdgan-", ".tmp"
_SAFE_AGE = 60.0  # seconds; a younger file may be waiting for its owner's lock or rename


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a new file that replaces ``path`` when the block ends without an exception.

    On any exception, ``KeyboardInterrupt`` included, the new file is gone and an existing ``path`` is left as it was.
    The new file's mode follows the umask. Where ``path`` is a symbolic link, its target is replaced.

    Args:
        path: the file to replace or create.

    Yields:
        The new file, open for reading and writing.

    Raises:
        OSError: the file cannot be written, or ``path`` is a device or a pipe, which would be gone; it names ``path``.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        raise OSError(errno.EINVAL, "a device or pipe cannot be replaced by a file", os.fspath(path))
    _remove_orphans_once(str(target.parent))
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_ENDING}")
    try:
        nameless = _open_nameless(target)
        with nameless or temporary.open("x+b") as file:  # not tempfile, which would make it private to its owner
            with suppress(OSError):  # no locks on this file system: then nobody can lock it to remove it either
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if nameless:
                _link(nameless, temporary)
            temporary.replace(target)  # before the file is closed, which ends the lock
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        # A full disk names no file, and the temporary name means nothing to the caller.
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
        raise
    _sync_folder(target.parent)


def remove_orphans(folder: str | os.PathLike[str], safe_age: float = _SAFE_AGE) -> None:
    """Removes the temporary files of processes that were killed; never one that a running process writes.

    Args:
        folder: folder to search, without its subfolders.
        safe_age: a file is kept until this many seconds after its last change.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_ENDING):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= safe_age:
                        _remove_if_unlocked(entry.path)


# Once per folder and process: a folder may hold many thousand files.
_remove_orphans_once = functools.lru_cache(maxsize=1024)(remove_orphans)


def _remove_if_unlocked(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while the owner lives
        os.unlink(path)  # noqa: PTH108 (a plain string, as scandir gives it)
    finally:
        os.close(descriptor)


def _open_nameless(target: Path) -> BinaryIO | None:
    """A file without a name in the target's folder; None where the system or the file system has no such thing."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        return None
    try:
        # Encoders may ask the file for its name, which is therefore a path and not a descriptor's number.
        return open(target, "w+b", opener=lambda path, _: os.open(Path(path).parent, os.O_TMPFILE | os.O_RDWR, 0o666))
    except OSError:  # not supported here; any other problem shows when it is opened by name
        return None


def _link(file: BinaryIO, path: Path) -> None:
    """Gives a nameless file a name."""
    # With a folder's descriptor Python calls linkat, which follows the link in /proc; link would not.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut, on systems that can open a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
