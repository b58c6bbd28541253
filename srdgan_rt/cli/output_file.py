"""Checks a file that a command will write, before any work is done."""

from __future__ import annotations

from pathlib import Path

from srdgan_rt.errors import ImageWriteError, InputError


def check_output_file(path: Path, *, overwrite: bool, endings: tuple[str, ...] = ()) -> None:
    """Finds what would go wrong when the file is written.

    Args:
        path: the file.
        overwrite: whether an existing file may be replaced.
        endings: one of them must be that of the name; empty allows any.

    Raises:
        InputError: the name has another ending, is that of a folder, or lies in a folder that does not exist.
        ImageWriteError: the file exists and must not be replaced.
    """
    if endings and path.suffix.lower() not in endings:
        raise InputError(f"--output must end in {endings[0]}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: its folder does not exist")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file")
    if path.exists() and not overwrite:
        raise ImageWriteError(f"{path} exists: choose --overwrite")
