"""Reads packs, the files that ``training.pack`` writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from safetensors.torch import load

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError
from training.data.pictures import Bytes

INDEX = "index.json"


def is_packed(folder: Path) -> bool:
    """Whether ``training.pack`` wrote a folder."""
    return (folder / INDEX).exists()


def read_packs(folder: Path) -> Mapping[str, bytes]:
    """All entries of a folder of packs, by name, checked.

    Raises:
        InputError: there is no index, a file is missing, or its checksum is not that of the index.
    """
    entries: dict[str, bytes] = {}
    for name, expected in _read_index(folder)["files"].items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {folder / name}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise InputError(f"{folder / name} is damaged: its checksum is not that of {INDEX}")
        entries |= {entry: tensor.numpy().tobytes() for entry, tensor in load(content).items()}
    return dict(sorted(entries.items()))


def describe_packs(folder: Path) -> list[dict[str, Any]]:
    """The data that packs were made of, as :func:`training.data.notes.describe_files` gives it."""
    data: list[dict[str, Any]] = _read_index(folder)["data"]
    return data


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        return {key: index[key] for key in ("files", "data")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no packs: {INDEX} is missing or broken") from error


def unpack_validation(entries: Mapping[str, bytes], folder: Path) -> None:
    """Writes the validation pictures to a folder as :func:`training.stages.validation.validate` reads them."""
    for name, content in entries.items():
        kind, _, place = name.partition("/")
        if kind == "validation":
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(path) as file:  # which names the file where the disk is full
                file.write(content)


class PackedData:
    """The data of packs, from which batches are made.

    Args:
        entries: as :func:`read_packs` gives them.
    """

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._entries = entries

    def read_photographs(self, smallest_side: int) -> list[Bytes]:
        """All photographs; whether they are large enough is for the caller to check."""
        return self._decode("photographs/")

    def read_frames(self, smallest_side: int) -> list[tuple[Bytes, Bytes]]:
        """Real frames (clean, noisy)."""
        clean, noisy = (self._decode("frames/", f"_{kind}.png") for kind in ("clean", "noisy"))
        return list(zip(clean, noisy, strict=True))

    def _decode(self, prefix: str, suffix: str = "") -> list[Bytes]:
        """``(S, S, 3)`` RGB: the pictures whose names begin and end so, in the order of the names."""
        chosen = [
            content for name, content in self._entries.items() if name.startswith(prefix) and name.endswith(suffix)
        ]
        if not chosen:
            raise InputError(f"the packs hold no {prefix[:-1]}")
        return [
            np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)
            for content in chosen
        ]
