"""Finds a weight file by the name of a shipped model or by a path."""

from __future__ import annotations

import os
from pathlib import Path

from srdgan_rt.checkpoint.mix import parse_mix
from srdgan_rt.checkpoint.shipped import (
    WEIGHT_SUFFIXES,
    available_degradations,
    available_models,
    expand_home,
    find_file,
    is_weight_path,
)
from srdgan_rt.errors import CheckpointError, UnknownModelError


def locate_model(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a low-to-high network. A file that is given as a path need not exist.

    Raises:
        UnknownModelError: there is no shipped model of this name, or it is a mix.
    """
    if parse_mix(os.fspath(name_or_path)) is not None:
        raise UnknownModelError(f"{name_or_path}: a mix of networks has no file, and no activation ranges for int8")
    return find_file(name_or_path, available_models())


def locate_h2l(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a high-to-low network, see :func:`locate_model`."""
    return find_file(name_or_path, available_degradations())


def pin_model(name_or_path: str | os.PathLike[str]) -> str | Path:
    """The same model for a process in any folder: paths become absolute, names and mixes stay as they are."""
    if isinstance(name_or_path, str) and (parse_mix(name_or_path) is not None or not is_weight_path(name_or_path)):
        return name_or_path
    return expand_home(name_or_path).absolute()


def find_only_weights(folder: str | os.PathLike[str]) -> Path:
    """The weight file of a folder. One with a second dot in its name belongs to another: sharp weights, or int8 ranges.

    Raises:
        CheckpointError: there is no such folder, or it holds no weight file or several.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: is not a folder")
    names = {path.name for path in folder.iterdir() if path.suffix.lower() in WEIGHT_SUFFIXES}
    found = sorted(name for name in names if f"{Path(Path(name).stem).stem}{Path(name).suffix}" not in names - {name})
    if len(found) != 1:
        raise CheckpointError(f"{folder}: must hold one weight file, got {', '.join(found) or 'none'}")
    return folder / found[0]
