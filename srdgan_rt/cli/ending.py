"""How a process ends early: by a signal, or because the reader of its output is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from srdgan_rt.errors import SrdganError

BROKEN_PIPE = 128 + 13
"""Exit status where the reader of stdout or stderr is gone, as shells show it after SIGPIPE."""

_SIGNALS = ("SIGTERM", "SIGHUP")


class OutputLostError(SrdganError):
    """The output of a command cannot be written, for example to a full disk."""


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end. It is handled like Ctrl-C, so that no half-written file is left.

    Args:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status after a signal, as shells give it: 128 plus its number."""
    return 128 + (interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """What ended the work, for the user: ``interrupted`` by Ctrl-C, or ``ended by SIGTERM``."""
    return f"ended by {signal.Signals(interrupt.number).name}" if isinstance(interrupt, Stopped) else "interrupted"


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into :class:`Stopped` in the main thread; an ignored signal (``nohup``) stays so."""
    if threading.current_thread() is not threading.main_thread():  # handlers can be set only there
        yield
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise_stopped)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


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
