"""Records the pictures that a run was trained on: notes every file that is read, and describes the folders.

Only files that were decoded and used are recorded, for all kinds of samples: the functions of
:mod:`training.data.pictures` note each file, and :func:`take_notes` collects the notes.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from srdgan_rt.degrade.pairs import hash_file
from srdgan_rt.errors import InputError

_LIST_NAMES = "MANIFEST*.tsv"
_LIST_LEVELS = 3  # levels of folders above a picture that are searched for its list
_PAIRS_MANIFEST = "manifest.json"  # of generated pairs


@dataclass(frozen=True)
class Notes:
    """Files and nets that samples are made from."""

    files: set[Path] = field(default_factory=set)
    nets: set[str] = field(default_factory=set)  # names or files of high-to-low nets


_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


def note_file(path: Path) -> None:
    """Notes that a picture was read, if anybody collects notes."""
    notes = _notes.get()
    if notes is not None:
        notes.files.add(path)


def note_net(source: str) -> None:
    """Notes that a net makes samples, if anybody collects notes."""
    notes = _notes.get()
    if notes is not None:
        notes.nets.add(source)


@contextmanager
def take_notes() -> Iterator[Notes]:
    """Collects the files and nets that are read in this context."""
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def describe_files(paths: Iterable[Path], root: Path) -> list[dict[str, Any]]:
    """Describes pictures, folder by folder.

    Args:
        paths: of the pictures.
        root: the data folder; folders in it are called by their place in it, others by their last two names.

    Returns:
        For each folder ``folder``, ``files`` (their number), ``sha256`` (over the sorted names and digests of the
        files); where a list ``MANIFEST*.tsv`` beside or above the pictures has licences, ``licences`` (number of
        files by licence); where a high-to-low net made the pictures, ``made_by`` (its name and digest).

    Raises:
        SrdganError: a file or a list cannot be read.
    """
    folders: dict[Path, list[Path]] = {}
    for path in sorted(paths):
        folders.setdefault(path.parent, []).append(path)
    return [_describe_folder(folder, files, root) for folder, files in folders.items()]


def _describe_folder(folder: Path, files: list[Path], root: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    licences: Counter[str] = Counter()
    for path in files:
        digest.update(f"{path.name} {hash_file(path)}\n".encode())
        licences[_find_licence(path)] += 1
    entry: dict[str, Any] = {
        "folder": _name_folder(folder, root),
        "files": len(files),
        "sha256": digest.hexdigest(),
    }
    if set(licences) != {""}:
        entry["licences"] = {name or "not listed": count for name, count in licences.most_common()}
    makers = _read_makers(folder.parent / _PAIRS_MANIFEST)
    return entry | ({"made_by": makers} if makers else {})


def _name_folder(folder: Path, root: Path) -> str:
    name = folder.relative_to(root) if folder.is_relative_to(root) else Path(*folder.parts[-2:])
    return name.as_posix()


def _find_licence(path: Path) -> str:
    """The licence in a list, "" for none."""
    for place in dict.fromkeys((path, path.resolve())):
        for parent in list(place.parents)[:_LIST_LEVELS]:
            for table in sorted(parent.glob(_LIST_NAMES)):
                licence = _read_licences(table).get(place.relative_to(parent).as_posix())
                if licence:
                    return licence
    return ""


@lru_cache(maxsize=8)
def _read_licences(table: Path) -> Mapping[str, str]:
    """Licences by file, without text in brackets; empty if the table has no such columns."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            column = next((name for name in ("licence", "license") if name in (rows.fieldnames or ())), None)
            if column is None or "file" not in (rows.fieldnames or ()):
                return {}
            return {row["file"]: (row[column] or "").split(" (")[0].strip() for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the list of licences {table}: {error}") from error


def _read_makers(manifest: Path) -> list[dict[str, str]]:
    """The high-to-low nets that made a folder of pairs, by the pairs' manifest."""
    if not manifest.is_file():
        return []
    try:
        pairs = json.loads(manifest.read_text(encoding="utf-8"))["pairs"].values()
        makers = {(str(pair["model"]), str(pair["model_sha256"])) for pair in pairs}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # another program's file of this name
    return [{"name": name, "sha256": digest} for name, digest in sorted(makers)]
