"""Keeps two processes from writing into one folder at the same time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from srdgan_rt.errors import SrdganError


@contextmanager
def hold_folder(folder: Path, *, wanted: bool = True) -> Iterator[None]:
    """Holds a folder, such as that of a run, as long as the context lasts; a process that ends lets go of it.

    Where the file system has no locks, nothing is held.

    Args:
        folder: made if it is missing.
        wanted: False does nothing; of the processes that ``torchrun`` starts, one holds the folder for all.

    Raises:
        SrdganError: another process holds it.
        OSError: it cannot be made.
    """
    if not wanted:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)  # the folder itself, so that no file is left
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SrdganError(f"another process is writing into {folder}: wait for it, or end it first") from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        # To close is not enough: the workers that make batches were forked and have the lock, too.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
