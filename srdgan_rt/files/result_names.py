"""Names the results of ``upscale``; results that would have the same name get different ones."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from srdgan_rt.files.extension import Extension
from srdgan_rt.image import WRITABLE_EXTENSIONS, FoundPicture
from srdgan_rt.image.formats import FORMATS, HEAD_SIZE, Format, detect_format

_ENDINGS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tiff", "webp": ".webp", "avif": ".avif", "raw": ".tiff"}
"""File ending of the result, by the reader of the picture; results of all other readers are PNG files."""


@dataclass(frozen=True)
class Draft:
    """Where a result goes unless another has the same name.

    Args:
        picture: picture to upscale.
        folder: folder of the result.
        stem: name of the result without suffix and file ending.
        tail: suffix and file ending.
        notes: decisions that the user should know, one line each.
    """

    picture: FoundPicture
    folder: Path
    stem: str
    tail: str
    notes: tuple[str, ...]

    @property
    def source(self) -> Path:
        """File to read."""
        return self.picture.path

    @property
    def relative(self) -> Path:
        """Path of the picture relative to its input folder."""
        return self.picture.relative

    @property
    def target(self) -> Path:
        """File to write."""
        return self.folder / f"{self.stem}{self.tail}"


def draft_result(picture: FoundPicture, target_folder: Path | None, suffix: str, extension: Extension) -> Draft:
    """Names a result after its picture.

    Args:
        picture: picture to upscale.
        target_folder: folder in which the tree of an input folder is mirrored; None puts the result beside the picture.
        suffix: added to the stem after an underscore, unless it is empty.
        extension: format of the result.

    Raises:
        OSError: the picture cannot be opened.
    """
    path = picture.path
    ending, notes = choose_ending(path, extension)
    folder = path.parent if target_folder is None else target_folder / picture.relative.parent
    return Draft(picture, folder, path.stem, f"_{suffix}{ending}" if suffix else ending, notes)


def choose_ending(path: Path, extension: Extension) -> tuple[str, tuple[str, ...]]:
    """File ending of the result, and a note where it is not that of the picture.

    Args:
        path: the picture.
        extension: format of the result.

    Raises:
        OSError: the picture cannot be opened.
    """
    if extension is not Extension.AUTO:
        return f".{extension.value}", ()
    called = next((format_ for format_ in FORMATS if path.suffix.lower() in format_.endings), None)
    found = _detect(path) or called
    reader = found.reader if found else ""
    if called is not None and called.reader == "raw" and reader == "tiff":
        reader = "raw"  # most raw files begin as TIFF files do
    ending = _ENDINGS.get(reader)
    if found is None or ending is None:
        return ".png", (f"results are not written as {path.suffix[1:] or 'files without extension'}: stored as PNG",)
    if reader == "raw":
        return ending, ("a raw photograph's result is stored as TIFF",)
    if called is None or called.reader != reader:
        return ending, (f"is a {found.name} file by its content, and so is the result",)
    return (path.suffix if path.suffix.lower() in WRITABLE_EXTENSIONS else ending), ()


def _detect(path: Path) -> Format | None:
    if not path.is_file():  # reading a pipe could block forever
        return None
    with path.open("rb") as file:
        return detect_format(file.read(HEAD_SIZE))


def name_fallback(target: Path, extension: Extension) -> Path | None:
    """The PNG file to write instead where the result's own format cannot hold it.

    Args:
        target: the result.
        extension: format of the result, as the user chose it.

    Returns:
        The file; None for a format that the user chose, and for PNG.
    """
    return target.with_suffix(".png") if extension is Extension.AUTO and target.suffix.lower() != ".png" else None


def tell_apart(drafts: list[Draft], target_folder: Path | None, settled: Mapping[Draft, Draft]) -> list[Draft]:
    """Renames results that would have the same name.

    Where the pictures come from several inputs, the results of each input go into a folder with its name. Where names
    differ in the file ending, the ending becomes part of the name: ``a_jpg_x4.png``. If another result has that name by
    itself, as that of ``a_jpg.png``, the ending is added once more.

    Args:
        drafts: one per picture, in the order of the inputs.
        target_folder: folder for all results; None puts them beside their pictures.
        settled: names that some of the results have already, and keep.

    Returns:
        The drafts in the same order. Only those whose pictures have the same name, but for letter case, may still have
        the same name.
    """
    moved = drafts
    if target_folder is not None and any(len(set(map(_root_of, clash))) > 1 for clash in _find_clashes(drafts)):
        common = os.path.commonpath(list(map(_root_of, drafts)))
        moved = [
            replace(draft, folder=target_folder / Path(_root_of(draft)).relative_to(common) / draft.relative.parent)
            for draft in drafts
        ]
    results = {draft.source: settled.get(draft, new) for draft, new in zip(drafts, moved, strict=True)}
    taken = {fold_name(result.target) for result in results.values()}
    kept = {draft.source for draft in drafts if draft in settled}
    for clash in _find_clashes(results.values()):
        if len({fold_name(draft.source.name) for draft in clash}) > 1:
            for draft in clash:
                if draft.source not in kept:
                    results[draft.source] = _add_ending(draft, taken)
                    taken.add(fold_name(results[draft.source].target))
    return list(results.values())


def _add_ending(draft: Draft, taken: Container[str]) -> Draft:
    """Makes the file ending of the picture a part of its result's name, once more while the name is taken."""
    note = f"another result would be called {draft.target.name}, too: the file ending becomes a part of the name"
    named = replace(draft, notes=(*draft.notes, note))
    while fold_name(named.target) in taken:
        named = replace(named, stem=f"{named.stem}_{draft.source.suffix[1:]}")
    return named


def _find_clashes(drafts: Iterable[Draft]) -> list[list[Draft]]:
    groups = defaultdict(list)
    for draft in drafts:
        groups[fold_name(draft.target)].append(draft)
    return [group for group in groups.values() if len(group) > 1]


def fold_name(path: Path | str) -> str:
    """A text that is equal for names that a file system may take for the same: case and Unicode form are ignored."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _root_of(draft: Draft) -> str:
    return os.path.abspath(draft.picture.root)  # noqa: PTH100 (removes ".." as the user means it)
