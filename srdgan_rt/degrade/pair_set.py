"""A folder of pairs, ``HR/`` and ``LRx4/``, with a journal from which an interrupted run continues."""

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
    """Where the pairs of a folder lie.

    Args:
        folder: of the set.
        scale: of the pairs.
    """

    folder: Path
    scale: int

    @property
    def folders(self) -> tuple[Path, Path]:
        """Of the large and of the small pictures."""
        return self.folder / "HR", self.folder / f"LRx{self.scale}"

    def of(self, name: str) -> tuple[Path, Path]:
        """The two files of a pair."""
        high, low = self.folders
        return high / f"{name}.png", low / f"{name}.png"


def lies_in_pair_set(path: Path) -> bool:
    """Whether a picture is one of the two of a pair, of whatever set."""
    folder = path.parent
    is_part = folder.name == "HR" or folder.name.startswith("LRx")
    return is_part and any((folder.parent / record).is_file() for record in (_MANIFEST, _JOURNAL))


def store_pair(paths: PairPaths, plan: PairPlan, pair: Pair) -> None:
    """Writes a pair and, last, its record. Several processes may do so in one folder at once.

    Args:
        paths: the set; :class:`PairSet` has made its folders.
        plan: what decided the pair.
        pair: its pictures.

    Raises:
        ImageWriteError: a file cannot be written.
    """
    # First that the pair is being made: its files are then known as ours should the rest never come.
    _append(paths.folder, {"name": plan.name})
    for path, picture in zip(paths.of(plan.name), (pair.high, pair.low), strict=True):
        write_picture(path, picture)
    record = describe(plan) | {
        "size": list(pair.high.pixels.shape[1::-1]),
        "low_size": list(pair.low.pixels.shape[1::-1]),
    }
    _append(paths.folder, {"name": plan.name, **record})


def describe(plan: PairPlan) -> Record:
    """A plan as the manifest holds it; the manifest adds ``size`` and ``low_size``, width and height each."""
    record = asdict(plan)
    del record["name"]
    return record


class PairSet:
    """A folder of pairs that is being made or completed. Its records are in ``manifest.json``, by the pairs' names.

    While it is made, each pair is one line in a journal beside it, written after its pictures: a kill at any moment
    loses at most the pair at hand of each process.

    Args:
        folder: made if it is not there.
        scale: of the pairs.

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
            plan: what the pair shall be.
            overwrite: replace a pair that was made otherwise, and files that are not of this set.

        Returns:
            False where it is there already, made of the same photograph in the same way.

        Raises:
            ImageWriteError: something else is there, which would be lost.
        """
        record = self._records.get(plan.name)
        files = self.paths.of(plan.name)
        if record and all(path.is_file() for path in files):
            # Through JSON, as the record came.
            if json.loads(json.dumps(describe(plan))).items() <= record.items():
                return False
        elif record is not None or not any(path.exists() for path in files):
            return True  # lost, unfinished or never begun
        if not overwrite:
            how = "was made in another way or of another photograph" if record else "is not of this set"
            raise ImageWriteError(f"{files[0]}: exists and {how}; --overwrite replaces it")
        return True

    def finish(self) -> None:
        """Writes ``manifest.json`` with what the journal says, in the order of the names, and ends the journal.

        Raises:
            ImageWriteError: it cannot be written.
        """
        folder = self.paths.folder
        records = _read_records(folder)
        done = {name: records[name] for name in sorted(records) if records[name]}
        try:
            with replace_file(folder / _MANIFEST) as file:
                file.write((json.dumps({"scale": self.paths.scale, "pairs": done}, indent=1) + "\n").encode())
            if all(records.values()):  # an unfinished pair is still to be known as ours
                (folder / _JOURNAL).unlink(missing_ok=True)
        except OSError as error:
            raise ImageWriteError(f"{folder / _MANIFEST}: cannot be written: {error.strerror}") from error


def _append(folder: Path, line: Mapping[str, Any]) -> None:
    """Adds a line to the journal in one piece; it begins with a line break in case the last line was torn."""
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
    """What is known of each pair; nothing, ``{}``, of one that was begun and not finished."""
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
        except ValueError:  # empty, or torn by a power cut: that pair is made again
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
        raise InputError(f"{path}: is no manifest of pairs; delete it, or choose another folder") from error
    if not isinstance(records, dict) or not all(isinstance(record, dict) for record in records.values()):
        raise InputError(f"{path}: is no manifest of pairs; delete it, or choose another folder")
    return records
