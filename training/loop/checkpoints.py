"""The checkpoints of runs: their place, and how they are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError, SrdganError

_KINDS = {"iteration": int, "record": str, "optimiser_name": str, "kernels": dict}  # of what is no state of a net


def checkpoint_path(folder: Path) -> Path:
    """The path of the newest checkpoint of a run."""
    return folder / "checkpoint.pt"


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Reads the newest checkpoint of a run.

    Args:
        folder: of the run.

    Returns:
        What the trainer saved: ``iteration``, ``record`` (a text), ``optimiser_name``, ``kernels`` (the choice for each
        generator), and the state of each net and optimiser by name.

    Raises:
        InputError: there is none.
        SrdganError: it is damaged.
    """
    path = checkpoint_path(folder)
    if not path.exists():
        raise InputError(f"there is no checkpoint in {folder}")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        wrong = [name for name, kind in _KINDS.items() if not isinstance(state[name], kind)]
    except OSError as error:
        raise SrdganError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # the reader of a damaged pickle raises errors of any type, which say nothing to a user
        raise SrdganError(f"{path} is damaged, or no checkpoint of a run") from error
    if wrong:
        raise SrdganError(f"{path} is damaged, or no checkpoint of a run: its {wrong[0]} is of another type")
    return state


def write_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Writes the checkpoint of a run. A kill or a full disk at any moment leaves the old one or the new one.

    Args:
        folder: of the run.
        state: as :func:`read_checkpoint` returns it.

    Raises:
        SrdganError: it cannot be written.
    """
    path = checkpoint_path(folder)
    try:
        with replace_file(path) as file:
            torch.save(dict(state), file)
    except (OSError, RuntimeError) as error:
        # When the disk is full, torch raises an error about its own file format, in the context of the true one.
        cause = error if isinstance(error, OSError) else error.__context__
        reason = cause.strerror if isinstance(cause, OSError) else error
        raise SrdganError(f"{path} cannot be written: {reason}") from error
