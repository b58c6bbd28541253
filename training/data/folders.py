"""Checks of folders that a user names."""

from __future__ import annotations

from pathlib import Path

from srdgan_rt.errors import InputError


def check_folder(folder: Path) -> None:
    """Raises InputError if there is no such folder: of data, or of a result, which hours of work would lose."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
