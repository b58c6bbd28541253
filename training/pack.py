"""Packs training data into small files: ``python -m training.pack --data ... --output ...``.

Pictures stay encoded. Crops of the photographs lie as JPEG, real frames as PNG, validation pictures as the files that
they are, all in files of safetensors that are small enough to send; ``index.json`` lists these with their checksums.
The same data and options give the same bytes. Nothing is left of a run that is stopped; after one that is killed, the
same command begins anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import torch
from safetensors.torch import save

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError
from training.cli.options import DATA_HELP
from training.cli.parser import CommandParser, one_line_errors
from training.data.notes import describe_files, take_notes
from training.data.packs import INDEX
from training.data.pictures import VALIDATION_SETS, Bytes, load_photographs, read_frames
from training.loop.lock import hold_folder

_LARGEST_FILE = 24_000_000  # bytes
_PACK = re.compile(r"pack_\d+\.safetensors")
_MEGABYTE = 1_000_000
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


@dataclass(frozen=True)
class PackOptions:
    """What goes into the packs."""

    megabytes: float = field(default=60.0, metadata={"help": "of all packs; photographs get what the rest leaves"})
    crop: int = field(default=320, metadata={"help": "pixels a side of the crops of photographs"})
    frame: int = field(default=256, metadata={"help": "low-resolution pixels a side of the middle of each frame"})
    validation: int = field(default=6, metadata={"help": "largest number of pictures of each validation set"})

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < math.inf:
                raise InputError(f"{name} must be positive and finite, got {value}")


def sharpness(picture: Bytes) -> float:
    """Variance of the Laplacian of the grey picture ``(H, W, 3)``: the more fine detail, the larger."""
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def rank_crops(folder: Path, side: int) -> Iterator[tuple[str, bytes]]:
    """Crops of the photographs of a folder, those to be packed first in front.

    The sharpest crop of every photograph comes before any photograph's second one, so that no single one fills the
    packs.

    Args:
        folder: holds photographs, cut up at the sizes that :func:`training.data.pictures.load_photographs` gives.
        side: pixels a side of a crop.

    Yields:
        Name and JPEG.

    Raises:
        InputError: there is no photograph, or none is large enough.
        ImageReadError: one cannot be read.
    """
    ranked: list[tuple[int, float, str, bytes]] = []  # the place within its photograph, minus the sharpness, ...
    for path, levels in load_photographs(folder, side):
        crops = [
            (-sharpness(crop), f"{path.stem}_{number}_{y}_{x}", _encode(crop, ".jpg"))
            for number, level in enumerate(levels)
            for y, x, crop in _tiles(level, side)
        ]
        ranked += [(place, *crop) for place, crop in enumerate(sorted(crops))]
    if not ranked:
        raise InputError(f"no photograph in {folder} has {side} pixels a side")
    for _, _, name, content in sorted(ranked):
        yield name, content


def _tiles(picture: Bytes, side: int) -> Iterator[tuple[int, int, Bytes]]:
    """Crops side by side from the middle of a picture: (y, x, ``(side, side, 3)``)."""
    (top, left) = (length % side // 2 for length in picture.shape[:2])
    for y in range(top, picture.shape[0] - side + 1, side):
        for x in range(left, picture.shape[1] - side + 1, side):
            yield y, x, picture[y : y + side, x : x + side]


def _encode(picture: Bytes, extension: str) -> bytes:
    parameters = _JPEG if extension == ".jpg" else (cv2.IMWRITE_PNG_COMPRESSION, 9)
    return bytes(cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), parameters)[1])


def _frames(root: Path, side: int) -> Iterator[tuple[str, bytes]]:
    for number, pair in enumerate(read_frames(root, "train", side)):
        for kind, picture in zip(("clean", "noisy"), pair, strict=True):
            y, x = ((length - side) // 2 for length in picture.shape[:2])
            yield f"frames/{number:04}_{kind}.png", _encode(picture[y : y + side, x : x + side], ".png")


def _validation_files(root: Path, most: int) -> Iterator[tuple[str, bytes]]:
    """The files of the first pictures of each set: of each folder those whose names come first."""
    for name in VALIDATION_SETS:
        files = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() == ".png")
        taken: dict[tuple[Path, str], int] = {}
        for path in files:
            kind = (path.parent, "".join(path.stem.rpartition("_")[1:]) if name == "phone_crops" else "")
            taken[kind] = taken.get(kind, 0) + 1
            if taken[kind] <= most:
                yield f"validation/{path.relative_to(root).as_posix()}", path.read_bytes()


def write_packs(root: Path, output: Path, options: PackOptions) -> dict[str, int]:
    """Packs a data folder.

    Args:
        root: holds ``train_photos``, ``phone_pairs`` or ``pairs``, and validation sets, which may be missing.
        output: folder of the packs; must be empty or not there. Hidden files do not count, nor do the packs of a run
            that was killed while it wrote them.
        options: what goes in.

    Returns:
        Number of entries of each kind.

    Raises:
        InputError: data is missing or too small, the output is not empty, or the packs cannot hold a photograph.
        ImageReadError: a picture cannot be read.
        SrdganError: another process is writing into the output.
        OSError: a pack cannot be written; it names the file.
    """
    _list_unfinished(output)  # before the work, which takes minutes
    with take_notes() as notes:
        entries = dict([*_frames(root, options.frame), *_validation_files(root, options.validation)])
        room = int(options.megabytes * _MEGABYTE) - sum(map(_size, entries.items()))
        for name, content in rank_crops(root / "train_photos", options.crop):
            entry = (f"photographs/{name}.jpg", content)
            room -= _size(entry)
            if room < 0:
                break
            entries |= [entry]
    counts = {kind: sum(name.startswith(kind) for name in entries) for kind in ("photographs", "frames", "validation")}
    if not counts["photographs"]:
        raise InputError(f"{options.megabytes} megabytes leave no room for photographs: ask for more or smaller frames")
    index = {"options": vars(options), "data": describe_files(notes.files, root)}
    with hold_folder(output):
        for left in _list_unfinished(output):
            left.unlink()
        _write_files(output, index, list(_split(entries.items())))
    return counts


def _list_unfinished(output: Path) -> list[Path]:
    """The packs in a folder without an index: a run was killed while it wrote them.

    Raises:
        InputError: the folder holds anything else; hidden files do not count.
    """
    found = [path for path in output.iterdir() if not path.name.startswith(".")] if output.exists() else []
    if not all(_PACK.fullmatch(path.name) for path in found):
        raise InputError(f"{output} is not empty: packs go into a folder of their own")
    return found


def _write_files(output: Path, index: dict[str, Any], parts: Sequence[Mapping[str, bytes]]) -> None:
    """Writes a pack for each part, then the index: a folder with an index is complete. Else nothing is left there."""
    names = [f"pack_{number:02}.safetensors" for number in range(len(parts))]
    files = {}
    try:
        for name, part in zip(names, parts, strict=True):
            tensors = {entry: torch.frombuffer(bytearray(data), dtype=torch.uint8) for entry, data in part.items()}
            content = save(tensors)
            with replace_file(output / name) as file:
                file.write(content)
            files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "entries": sorted(part)}
        with replace_file(output / INDEX) as file:
            file.write((json.dumps({**index, "files": files}, indent=1) + "\n").encode())
    except BaseException:  # also Ctrl-C
        for name in (INDEX, *names):
            (output / name).unlink(missing_ok=True)
        raise


def _size(entry: tuple[str, bytes]) -> int:
    """Bytes in the pack, with what its header and the index say of it."""
    return len(entry[1]) + 3 * len(entry[0]) + 100


def _split(entries: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """Shares out entries, in their order, to files that are not too large."""
    part: dict[str, bytes] = {}
    size = 0
    for entry in entries:
        if part and size + _size(entry) > _LARGEST_FILE:
            yield part
            part, size = {}, 0
        part |= [entry]
        size += _size(entry)
    yield part


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    parser.add_argument("--output", type=Path, required=True, help="folder for the packs, empty or not there")
    for option in fields(PackOptions):
        words = f"{option.metadata['help']} (%(default)s)"
        parser.add_argument(f"--{option.name}", type=type(option.default), default=option.default, help=words)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        options = PackOptions(**{option.name: getattr(arguments, option.name) for option in fields(PackOptions)})
        counts = write_packs(arguments.data, arguments.output, options)
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
