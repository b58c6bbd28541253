"""Finds picture files: expands files, folders and glob patterns."""

from __future__ import annotations

import glob
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from srdgan_rt.errors import InputError
from srdgan_rt.image.formats import KNOWN_UNREADABLE, READABLE_EXTENSIONS

_MAX_LISTED = 8  # unreadable photographs of one format and folder that are named one by one


@dataclass(frozen=True)
class FoundPicture:
    """A picture file that was found, or an input for which there is none.

    Attributes:
        path: the file; the input as it was given where there is an error.
        root: the folder that was given, or the part of the pattern without wildcards; for a file that was given itself,
            its folder.
        is_named: whether the file itself was given, not a folder or pattern that contains it.
        error: why there is no picture; None for a picture.
        note: why the file is skipped without an error; None for a picture.
    """

    path: Path
    root: Path
    is_named: bool = False
    error: InputError | None = None
    note: str | None = None

    @property
    def is_picture(self) -> bool:
        """Whether there is a file to work on."""
        return self.error is None and self.note is None

    @property
    def relative(self) -> Path:
        """The path relative to the root; just the name of a file that was given itself."""
        return self.path.relative_to(self.root)


def find_pictures(inputs: Iterable[str | os.PathLike[str]], recursive: bool = False) -> list[FoundPicture]:
    """Expands files, folders and patterns.

    Args:
        inputs: files (any extension), folders (their pictures, hidden files left out) and patterns with ``*``, ``?``,
            ``[...]`` and, for any depth, ``**``.
        recursive: search subfolders, too, and links to folders, except links to a folder that contains the link.

    Returns:
        Each file once, in the order of the inputs; the files of a folder or pattern in natural order ("2" before "10").
        A file that was also found through links goes by its own name.
        An input that does not exist, cannot be opened or has no pictures gives an entry with an error, so that a long
        run can continue. Photographs of formats that cannot be read give entries with a note.

    Raises:
        InputError: an input is empty, such as an unset variable of a script.
    """
    texts = [os.fspath(given) for given in inputs]
    if "" in texts:
        raise InputError("an input must not be empty")
    return keep_once(entry for text in texts for entry in _expand_safely(text, recursive))


def keep_once(entries: Iterable[FoundPicture]) -> list[FoundPicture]:
    """Leaves out files that were found before, and links to files that were found themselves."""
    found: dict[str, FoundPicture] = {}
    for entry in entries:
        key = os.path.realpath(entry.path) if entry.is_picture else f"{entry.path}\0{entry.note}"
        if key in found:
            known = found[key]
            is_named = known.is_named or entry.is_named
            if os.path.islink(known.path) and not os.path.islink(entry.path):  # noqa: PTH114 (never raises)
                del found[key]  # the file comes where its own name comes
                known = entry
            found[key] = replace(known, is_named=is_named)
        else:
            found[key] = entry
    return list(found.values())


def _expand_safely(text: str, recursive: bool) -> list[FoundPicture]:
    try:
        return list(_expand(text, recursive))
    except (OSError, ValueError) as error:  # no permission to look, a name that is too long, ...
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return [_fail(Path(text), f"{text}: {reason}")]


def _expand(text: str, recursive: bool) -> Iterator[FoundPicture]:
    path = Path(text)
    if path.is_dir():
        yield from _expand_folder(path, recursive)
    elif os.path.lexists(path):  # before patterns: a file may well be called photo[1].jpg
        yield FoundPicture(path, path.parent, is_named=True)
    elif glob.has_magic(text):
        yield from _expand_pattern(path)
    else:
        path.stat()  # raises what is wrong with it


def _expand_folder(root: Path, recursive: bool) -> Iterator[FoundPicture]:
    files, problems = list_files(root, recursive)
    found = select_pictures(root, files)
    yield from problems
    if any(entry.is_picture for entry in found) or any(problem.error for problem in problems):
        yield from found
    elif found:
        endings = {path.suffix.lower() for path in files} & KNOWN_UNREADABLE.keys()
        names = ", ".join(sorted({KNOWN_UNREADABLE[ending] for ending in endings}))
        yield _fail(root, f"{root}: the folder holds no pictures that can be read, only {names}")
    else:
        hint = "" if recursive else " (subfolders are entered with -r)"
        yield _fail(root, f"{root}: the folder holds no pictures{hint}")


def select_pictures(root: Path, files: Iterable[Path]) -> list[FoundPicture]:
    """The pictures among files of a folder; then entries with a note for formats that cannot be read.

    Args:
        root: the folder.
        files: files in it, also of its subfolders, as of :func:`list_files`.
    """
    found = []
    unreadable: dict[tuple[Path, str], list[Path]] = {}
    for path in files:
        if path.name.lower().endswith(READABLE_EXTENSIONS):
            found.append(FoundPicture(path, root))
        elif name := KNOWN_UNREADABLE.get(path.suffix.lower()):
            unreadable.setdefault((path.parent, name), []).append(path)
    for (folder, name), paths in unreadable.items():
        found += _leave_out(root, folder, name, paths)
    return found


def _leave_out(root: Path, folder: Path, format_name: str, paths: list[Path]) -> Iterator[FoundPicture]:
    if len(paths) > _MAX_LISTED:
        yield FoundPicture(folder, root, note=f"{len(paths):,} {format_name} files left out: they cannot be read")
    else:
        yield from (FoundPicture(path, root, note=f"left out: {format_name} files cannot be read") for path in paths)


def list_files(root: Path, recursive: bool) -> tuple[list[Path], list[FoundPicture]]:
    """The files of a folder in natural order, without hidden ones; and entries for folders that cannot be searched."""
    files: list[Path] = []
    problems: list[FoundPicture] = []
    real_root = Path(os.path.realpath(root))
    entered: set[str] = set()
    waiting = deque([root])  # links come last, so that each folder is entered by its own name
    while waiting:
        folder = waiting.popleft()
        real = os.path.realpath(folder)
        if real in entered:
            continue
        if folder != root and Path(real) in real_root.parents:
            note = "left out: this link leads to a folder that holds it"
            problems.append(FoundPicture(folder, root, note=note))
            continue
        entered.add(real)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    path = folder / entry.name
                    if not os.path.isdir(path):  # noqa: PTH112 (never raises)
                        files.append(path)
                    elif recursive:
                        waiting.append(path) if entry.is_symlink() else waiting.appendleft(path)
        except OSError as error:
            problems.append(_fail(folder, f"{folder}: {error.strerror}"))
    return sorted(files, key=_natural_key), problems


def _expand_pattern(pattern: Path) -> Iterator[FoundPicture]:
    parts = pattern.parts
    root = Path()
    for part in parts:  # what exists is meant as it is written: "album [2024]/*.jpg"
        if not os.path.lexists(root / part):
            break
        root /= part
    below = os.path.join(*parts[len(root.parts) :])  # noqa: PTH118 (not a path)
    files = [root / match for match in glob.glob(below, root_dir=root, recursive=True)]  # noqa: PTH207 (has root_dir)
    files = [path for path in files if not path.is_dir()]
    if not files:
        yield _fail(pattern, f"{pattern}: the pattern matches no file")
    yield from (FoundPicture(path, root) for path in sorted(files, key=_natural_key))


def _fail(path: Path, message: str) -> FoundPicture:
    return FoundPicture(path, path.parent, error=InputError(message))


def _natural_key(path: Path) -> tuple[str, str]:
    """Sorts runs of digits by value, before letters; the text itself decides between equals."""
    text = str(path)
    return re.sub(r"\d+", _number_key, text.casefold()), text  # \d is no "²", which is a digit without being a number


def _number_key(digits: re.Match[str]) -> str:
    """Digits that sort by value as text: the number of digits, which a file name has less than 1000 of, goes first."""
    number = str(int(digits[0]))
    return f"{len(number):03}{number}"
