"""How signals end a process: quietly while it is loaded, and later as an exception, so that it can tidy up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C, as shells give it."""

_SIGNALS = ("SIGTERM", "SIGHUP")


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
    return 128 + interrupt.number if isinstance(interrupt, Stopped) else INTERRUPTED


def name_of(interrupt: KeyboardInterrupt) -> str:
    """What ended the work, for the user: ``interrupted`` by Ctrl-C, or ``ended by SIGTERM``."""
    return f"ended by {signal.Signals(interrupt.number).name}" if isinstance(interrupt, Stopped) else "interrupted"


def end_while_loading() -> None:
    """Lets Ctrl-C end the process at once and without a word, until :func:`stop_on_signals` begins.

    For the first statement of a program: its imports take seconds, and Ctrl-C would print where it met them.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _end)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into :class:`Stopped` in the main thread, and Ctrl-C into KeyboardInterrupt.

    An ignored signal (``nohup``) stays so.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers can be set only there
        yield
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    ours: dict[int, Callable[[int, FrameType | None], None]] = {
        number: _raise_stopped for number in numbers if signal.getsignal(number) is signal.SIG_DFL
    }
    if signal.getsignal(signal.SIGINT) is _end:
        ours[signal.SIGINT] = signal.default_int_handler
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_signals_to_parent() -> None:
    """For a worker process: Ctrl-C reaches the whole group, and the parent decides when to stop; SIGTERM ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)
