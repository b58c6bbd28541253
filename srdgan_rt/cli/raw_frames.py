"""Raw frames in files and pipes: they follow each other without headers and gaps."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.errors import InputError

if TYPE_CHECKING:
    from io import FileIO

    from numpy.typing import NDArray

STANDARD_STREAM = "-"
"""Stands for stdin or stdout in place of a path."""


def open_source(path: str) -> FileIO:
    """Opens a file or named pipe with frames; ``-`` is stdin.

    Raises:
        InputError: stdin is a terminal or closed.
        OSError: the file cannot be opened.
    """
    if path == STANDARD_STREAM:
        descriptor = _find_descriptor(sys.stdin, "stdin", "pipe frames into it, or name a file")
        return open(descriptor, "rb", buffering=0, closefd=False)
    return Path(path).open("rb", buffering=0)


def check_target(path: str, source: FileIO) -> None:
    """Finds what is wrong with a file or named pipe for frames before there are any; ``-`` is stdout.

    Raises:
        InputError: stdout is a terminal or closed, the file is the one that is read, or see :func:`check_output_file`.
    """
    if path == STANDARD_STREAM:
        _find_stdout()
        return
    target = Path(path)
    if target.is_file() and os.path.samestat(target.stat(), os.fstat(source.fileno())):
        raise InputError(f"--output must not be the input, got {path!r} for both")
    check_output_file(target, overwrite=True)


def open_target(path: str) -> FileIO:
    """Opens a file or named pipe for frames, and empties an existing file; ``-`` is stdout.

    Raises:
        InputError: stdout is a terminal or closed.
        OSError: the file cannot be opened.
    """
    if path == STANDARD_STREAM:
        return open(_find_stdout(), "wb", buffering=0, closefd=False)
    return Path(path).open("wb", buffering=0)


def read_frame(source: FileIO, frame: NDArray[Any]) -> int:
    """Fills a contiguous array from a file; the number of bytes read is less than its size at the end of the file."""
    memory = frame.data.cast("B")
    filled = 0
    while filled < len(memory) and (count := source.readinto(memory[filled:])):
        filled += count
    return filled


def write_frame(target: FileIO, frame: NDArray[Any]) -> None:
    """Writes a contiguous array into a file.

    Raises:
        BrokenPipeError: the reader is gone.
        OSError: it cannot be written for another reason, such as a full disk.
    """
    memory = frame.data.cast("B")
    try:
        while memory:
            memory = memory[target.write(memory) :]
    except OSError as error:
        error.filename = "stdout" if isinstance(target.name, int) else target.name  # write() does not say where
        raise


def _find_stdout() -> int:
    return _find_descriptor(sys.stdout, "stdout", "pipe it into a program, or name a file by --output")


def _find_descriptor(stream: Any, name: str, advice: str) -> int:
    if stream is None:
        raise InputError(f"{name} is closed: {advice}")
    descriptor = int(stream.fileno())
    if os.isatty(descriptor):
        raise InputError(f"{name} is a terminal: {advice}")
    os.set_blocking(descriptor, True)  # some programs hand over pipes that do not wait: a read would end too early
    return descriptor
