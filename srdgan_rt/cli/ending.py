"""Early ends of a process: signals, and output whose reader has closed it."""

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
"""Exit status where the reader of stdout or stderr has gone away: what shells show after SIGPIPE."""

_SIGNALS = ("SIGTERM", "SIGHUP")


class OutputLostError(SrdganError):
    """The output of a command cannot be written, for example to a full disk."""


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end; handled as Ctrl-C is, so that nothing is left half done.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status after a signal: 128 and its number, as shells have it."""
    return 128 + (interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """What ended the work, for the user: ``interrupted`` by Ctrl-C, or ``ended by SIGTERM``."""
    return f"ended by {signal.Signals(interrupt.number).name}" if isinstance(interrupt, Stopped) else "interrupted"


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into :class:`Stopped` in the main thread; one that is ignored (``nohup``) stays so."""
    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
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
        BrokenPipeError: nobody reads it.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started the process
            stream.flush()


def discard_streams() -> None:
    """Sends stdout and stderr nowhere, so that the interpreter does not fail again when it flushes them at its end."""
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
        BrokenPipeError: nobody reads it.
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
    """Makes stdout and stderr write characters that their encoding lacks as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
