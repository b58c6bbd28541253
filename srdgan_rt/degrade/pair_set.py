"""A folder of pairs, ``HR/`` and ``LRx4/``, with a journal that lets an interrupted run continue."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.atomic import replace_file
from srdgan_rt.degrade.pairs import Pair, PairPlan
from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.image import write_picture

Record = dict[str, Any]

_MANIFEST = "manifest.json"
_JOURNAL = ".manifest.jsonl"


@dataclass(frozen=True)
class PairPaths:
    """Paths of the pairs of a set.

    Args:
        folder: folder of the set.
        scale: HR pixels per LR pixel, on each axis.
    """

    folder: Path
    scale: int

    @property
    def folders(self) -> tuple[Path, Path]:
        """Folders of the HR and of the LR pictures."""
        return self.folder / "HR", self.folder / f"LRx{self.scale}"

    def of(self, name: str) -> tuple[Path, Path]:
        """The HR and the LR file of a pair."""
        high, low = self.folders
        return high / f"{name}.png", low / f"{name}.png"


def lies_in_pair_set(path: Path) -> bool:
    """Whether a picture belongs to a pair of any set."""
    folder = path.parent
    is_part = folder.name == "HR" or folder.name.startswith("LRx")
    return is_part and any((folder.parent / record).is_file() for record in (_MANIFEST, _JOURNAL))


def store_pair(paths: PairPaths, plan: PairPlan, pair: Pair) -> None:
    """Writes a pair and then its record. Several processes may write into one folder at once.

    Args:
        paths: paths of the set, whose folders exist (:class:`PairSet` makes them).
        plan: plan of the pair.
        pair: pictures of the pair.

    Raises:
        ImageWriteError: a file cannot be written.
    """
    # Recorded first without details, so that the files are known as ours if the process is killed before the end.
    _append(paths.folder, {"name": plan.name})
    for path, picture in zip(paths.of(plan.name), (pair.high, pair.low), strict=True):
        write_picture(path, picture)
    record = describe(plan) | {
        "size": list(pair.high.pixels.shape[1::-1]),
        "low_size": list(pair.low.pixels.shape[1::-1]),
    }
    _append(paths.folder, {"name": plan.name, **record})


def describe(plan: PairPlan) -> Record:
    """A plan as in the manifest, which also holds ``size`` and ``low_size``: width and height of each picture."""
    record = asdict(plan)
    del record["name"]
    return record


class PairSet:
    """A folder of pairs that is being made or completed. ``manifest.json`` holds its records by the names of the pairs.

    Meanwhile, each finished pair is one line of a journal in the folder, written after its pictures. If processes are
    killed, each loses at most the pair that it was making.

    Args:
        folder: folder of the set; made if it does not exist.
        scale: HR pixels per LR pixel, on each axis.

    Raises:
        ImageWriteError: the folder cannot be made or written to.
        InputError: its manifest is damaged.
    """

    def __init__(self, folder: Path, scale: int) -> None:
        self.paths = PairPaths(folder, scale)
        self._records = _read_records(folder)
        try:
            for part in self.paths.folders:
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageWriteError(f"{folder}: cannot hold pairs: {error.strerror}") from error

    def needs(self, plan: PairPlan, *, overwrite: bool = False) -> bool:
        """Whether a pair has to be made.

        Args:
            plan: plan of the pair.
            overwrite: whether to replace pairs that were made in another way, and files that are not of this set.

        Returns:
            False where it exists and was made from the same photograph in the same way.

        Raises:
            ImageWriteError: it would replace something else.
        """
        record = self._records.get(plan.name)
        files = self.paths.of(plan.name)
        if record and all(path.is_file() for path in files):
            # Converted to JSON and back, like the record.
            if json.loads(json.dumps(describe(plan))).items() <= record.items():
                return False
        elif record is not None or not any(path.exists() for path in files):
            return True  # lost, unfinished or not begun
        if not overwrite:
            how = "was made in another way or from another photograph" if record else "is not of this set"
            raise ImageWriteError(f"{files[0]}: exists and {how}; --overwrite replaces it")
        return True

    def finish(self) -> None:
        """Writes ``manifest.json`` from the journal, sorted by name, and removes the journal.

        Raises:
            ImageWriteError: it cannot be written.
        """
        folder = self.paths.folder
        records = _read_records(folder)
        done = {name: records[name] for name in sorted(records) if records[name]}
        try:
            with replace_file(folder / _MANIFEST) as file:
                file.write((json.dumps({"scale": self.paths.scale, "pairs": done}, indent=1) + "\n").encode())
            if all(records.values()):  # the journal stays where it names unfinished pairs
                (folder / _JOURNAL).unlink(missing_ok=True)
        except OSError as error:
            raise ImageWriteError(f"{folder / _MANIFEST}: cannot be written: {error.strerror}") from error


def _append(folder: Path, line: Mapping[str, Any]) -> None:
    """Adds a line to the journal in one write. It begins with a line break in case the last line is incomplete."""
    path = folder / _JOURNAL
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, b"\n" + json.dumps(line).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImageWriteError(f"{path}: cannot be written: {error.strerror}") from error


def _read_records(folder: Path) -> dict[str, Record]:
    """The record of each pair; ``{}`` for one that was begun and not finished."""
    records = _read_manifest(folder / _MANIFEST)
    for record in _read_journal(folder / _JOURNAL):
        records[record.pop("name")] = record
    return records


def _read_journal(path: Path) -> list[Record]:
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:  # empty, or incomplete after a power cut: that pair is made again
            continue
        if isinstance(record, dict) and isinstance(record.get("name"), str):
            records.append(record)
    return records


def _read_manifest(path: Path) -> dict[str, Record]:
    if not path.exists():
        return {}
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["pairs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not a manifest of pairs; delete it, or choose another folder") from error
    if not isinstance(records, dict) or not all(isinstance(record, dict) for record in records.values()):
        raise InputError(f"{path}: is not a manifest of pairs; delete it, or choose another folder")
    return records
