"""The checkpoints of runs: their place, and how to read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from srdgan_rt.errors import InputError, SrdganError


def checkpoint_path(folder: Path) -> Path:
    """The path of the newest checkpoint of a run."""
    return folder / "checkpoint.pt"


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Reads the newest checkpoint of a run.

    Args:
        folder: of the run.

    Returns:
        What the trainer saved: ``iteration``, ``record`` (a text; old checkpoints have none), and the state of each net
        and optimiser by name.

    Raises:
        InputError: there is none.
        SrdganError: it is damaged.
    """
    path = checkpoint_path(folder)
    if not path.exists():
        raise InputError(f"there is no checkpoint in {folder}")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(state["iteration"], int):
            return state
        reason = "its iteration is no number"
    except Exception as error:  # the reader of a damaged pickle raises errors of almost any type
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
    raise SrdganError(f"{path} is damaged, or no checkpoint of a run: {reason}")
