"""Cuts a weight file into parts that travel, and joins them: ``python -m training.parts join PARTS... -o FILE``.

A part is called ``NAME.1-of-3.0123456789abcdef``: its place, and the beginning of the SHA-256 of the whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError
from training.command import CommandParser, one_line_errors
from training.export import score

PART_BYTES = 16_000_000
_NAME = re.compile(r"(?P<name>.+)\.(?P<place>\d+)-of-(?P<count>\d+)\.(?P<digest>[0-9a-f]{16})")


def split(file: Path, folder: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Cuts a file into parts.

    Args:
        file: of any kind.
        folder: where the parts go; made if it is not there.
        part_bytes: what a part has at most.

    Returns:
        The parts, in order.

    Raises:
        InputError: the file is empty or cannot be read.
    """
    content = _read(file)
    if not content:
        raise InputError(f"{file} is empty")
    folder.mkdir(parents=True, exist_ok=True)
    count = -(-len(content) // part_bytes)
    paths = []
    for place in range(count):
        path = folder / f"{file.name}.{place + 1}-of-{count}.{_digest(content)}"
        path.write_bytes(content[place * part_bytes : (place + 1) * part_bytes])
        paths.append(path)
    return paths


def is_part(path: Path) -> bool:
    """Whether a file is called like a part."""
    return _NAME.fullmatch(path.name) is not None


def join(parts: Sequence[Path], output: Path) -> None:
    """Joins the parts of one file, given in any order.

    Args:
        parts: all of them, each once.
        output: written whole or not at all.

    Raises:
        InputError: a file is no part or cannot be read, parts are of different files, one is missing or there twice, or
            the checksum of the whole is wrong.
    """
    named: list[tuple[int, Path]] = []
    wholes = set()
    for path in parts:
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise InputError(f"{path} is no part: parts are called NAME.1-of-3.CHECKSUM")
        wholes.add((name["name"], int(name["count"]), name["digest"]))
        named.append((int(name["place"]), path))
    if len(wholes) != 1:
        raise InputError(f"parts of one file are needed, got those of {len(wholes)}")
    ((_, count, digest),) = wholes
    found: dict[int, Path] = {}
    for place, path in named:
        if found.setdefault(place, path) != path:
            raise InputError(f"{path} and {found[place]} are the same part")
    missing = [place for place in range(1, count + 1) if place not in found]
    if missing:
        raise InputError(f"part {missing[0]} of {count} is missing")
    content = b"".join(_read(found[place]) for place in range(1, count + 1))
    if _digest(content) != digest:
        raise InputError(
            f"the parts of {output.name} are damaged: SHA-256 begins with {_digest(content)}, not {digest}"
        )
    with replace_file(output) as file:
        file.write(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    joining = commands.add_parser("join", help="join the parts of a weight file, and score it")
    joining.add_argument("parts", type=Path, nargs="+")
    joining.add_argument("-o", "--output", type=Path, required=True, help="the weight file")
    joining.add_argument("--data", type=Path, help="folder with evaluation sets: score the weights on them")
    splitting = commands.add_parser("split", help="cut a weight file into parts")
    splitting.add_argument("file", type=Path)
    splitting.add_argument("-o", "--output", type=Path, required=True, help="folder of the parts")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        if arguments.command == "split":
            print(*split(arguments.file, arguments.output), sep="\n")
            return
        join(arguments.parts, arguments.output)
        print(arguments.output)
        if arguments.data is not None:
            print(json.dumps(score(arguments.output, arguments.data), indent=1))


if __name__ == "__main__":
    main()
