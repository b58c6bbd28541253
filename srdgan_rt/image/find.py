"""From what the user typed to the pictures that are meant."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from srdgan_rt.errors import InputError
from srdgan_rt.image.formats import READABLE_EXTENSIONS


@dataclass(frozen=True)
class FoundPicture:
    """One picture to work on, or one input that leads to none.

    Attributes:
        path: the file, or the input as it was typed where there is an error.
        relative: the same below its root, the folder or the fixed part of the pattern that was typed, so that a tree
            can be mirrored; the bare name for a file that was named itself.
        error: why the input leads to no picture; None for a picture.
    """

    path: Path
    relative: Path
    error: InputError | None = None


def find_pictures(inputs: Iterable[str | os.PathLike[str]], recursive: bool = False) -> list[FoundPicture]:
    """Expands files, folders and patterns.

    Args:
        inputs: files (any extension), folders (their pictures, hidden files left out) and patterns with ``*``, ``?``,
            ``[...]`` and, for any depth, ``**``.
        recursive: enter the folders' subfolders.

    Returns:
        In the order of the inputs, each folder and pattern sorted as people count ("2" before "10"), each file once.
        What does not exist or holds no picture is an entry with an error, so that a long run can go on past it.
    """
    found: dict[str, FoundPicture] = {}
    for given in inputs:
        for entry in _expand(os.fspath(given), recursive):
            found.setdefault(os.path.realpath(entry.path), entry)
    return list(found.values())


def _expand(text: str, recursive: bool) -> Iterator[FoundPicture]:
    path = Path(text)
    if path.is_dir():
        yield from _expand_folder(path, recursive)
    elif path.exists():  # before patterns: a file may well be called photo[1].jpg
        yield FoundPicture(path, Path(path.name))
    elif glob.has_magic(text):
        yield from _expand_pattern(text)
    else:
        yield FoundPicture(path, Path(path.name), InputError(f"{text}: no such file or folder"))


def _expand_folder(folder: Path, recursive: bool) -> Iterator[FoundPicture]:
    errors: list[FoundPicture] = []

    def report(error: OSError) -> None:
        place = Path(error.filename)
        errors.append(FoundPicture(place, Path(place.name), InputError(f"{place}: {error.strerror}")))

    pictures = []
    for parent, subfolders, names in os.walk(folder, onerror=report):
        subfolders[:] = [name for name in subfolders if recursive and not name.startswith(".")]
        pictures += [Path(parent, name) for name in names if _is_picture_name(name)]
    yield from (FoundPicture(path, path.relative_to(folder)) for path in sorted(pictures, key=_natural_key))
    yield from errors
    if not pictures and not errors:
        hint = "" if recursive else " (subfolders are entered with -r)"
        yield FoundPicture(folder, Path(folder.name), InputError(f"{folder}: the folder holds no pictures{hint}"))


def _expand_pattern(pattern: str) -> Iterator[FoundPicture]:
    files = [Path(match) for match in glob.glob(pattern, recursive=True) if Path(match).is_file()]  # noqa: PTH207 (patterns may be absolute)
    if not files:
        yield FoundPicture(Path(pattern), Path(pattern), InputError(f"{pattern}: the pattern matches no file"))
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    root = Path(*fixed)
    yield from (FoundPicture(path, path.relative_to(root)) for path in sorted(files, key=_natural_key))


def _is_picture_name(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(READABLE_EXTENSIONS)


def _natural_key(path: Path) -> tuple[list[tuple[bool, int, str]], str]:
    """Sorts runs of digits by value; the text itself decides between equals."""
    text = str(path)
    parts = re.split(r"(\d+)", text.casefold())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts if part], text
