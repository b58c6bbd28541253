"""The record of the data set: one file a scene, written when the scene is done, and a file with all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError
from training.bursts.split import SPLITS

Record = dict[str, Any]


class Manifest:
    """The records in ``OUT/scenes/*.json``; ``OUT/manifest.json`` holds them all.

    Args:
        folder: the data set; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = folder / "scenes"
        try:
            for name in ("scenes", *SPLITS):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot hold the data set: {error.strerror}") from error
        self.scenes: dict[str, Record] = {path.stem: _read(path) for path in sorted(self._records.glob("*.json"))}

    def add(self, scene: str, record: Record) -> None:
        """Marks a scene as done; from here on it is skipped."""
        _write(self._records / f"{scene}.json", record)
        self.scenes[scene] = record

    def discard(self, scene: str) -> None:
        """Removes what there is of a scene: its record, then its pictures, those of a run that was killed included."""
        self.scenes.pop(scene, None)
        try:
            (self._records / f"{scene}.json").unlink(missing_ok=True)
            name = re.compile(rf"{re.escape(scene)}_\d+_(clean|noisy)\.png")
            for split in SPLITS:
                for path in (self._folder / split).iterdir():
                    if name.fullmatch(path.name):
                        path.unlink()
        except OSError as error:
            raise InputError(f"{self._folder}: cannot remove what is left of {scene}: {error.strerror}") from error

    def write(self) -> None:
        """Writes ``manifest.json``, the scenes in the order of their names."""
        _write(self._folder / "manifest.json", {name: self.scenes[name] for name in sorted(self.scenes)})


def _read(path: Path) -> Record:
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no record of a scene: {error}; delete it to make the scene anew") from error
    return record


def _write(path: Path, content: Record) -> None:
    try:
        with replace_file(path) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
