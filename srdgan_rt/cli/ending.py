"""How a command ends because its output cannot be written: the reader is gone, or the disk is full."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from srdgan_rt.errors import SrdganError

BROKEN_PIPE = 128 + 13
"""Exit status where the reader of stdout or stderr is gone, as shells show it after SIGPIPE."""


class OutputLostError(SrdganError):
    """The output of a command cannot be written, for example to a full disk."""


def flush_streams() -> None:
    """Writes out what stdout and stderr still hold.

    Raises:
        BrokenPipeError: the reader is gone.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started the process
            stream.flush()


def discard_streams() -> None:
    """Redirects stdout and stderr to nowhere, or the interpreter would fail again when it flushes them at exit."""
    for stream in (sys.stdout, sys.stderr):
        _discard(stream)


def _discard(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):  # closed, or not a file at all
        try:
            stream.flush()  # type: ignore[union-attr]
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
            os.close(nowhere)


def print_line(text: str) -> None:
    """Writes a line to stdout.

    Raises:
        BrokenPipeError: the reader is gone.
        OutputLostError: it cannot be written for another reason.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_streams()
        raise OutputLostError(f"stdout: {error.strerror}") from error


def escape_unknown_characters() -> None:
    """Makes stdout and stderr escape characters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
