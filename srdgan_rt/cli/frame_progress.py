"""What ``srdgan-rt stream`` says of its progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_ERASE_LINE = "\r\x1b[K"
_INTERVAL = 0.5  # seconds between two updates of the line


class FrameProgress:
    """Counts frames and their time; shows a line that is updated, if wanted and stderr is a terminal.

    Args:
        shown: whether the line is wanted.
    """

    def __init__(self, *, shown: bool) -> None:
        self._is_shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._begin = self._last_update = time.perf_counter()
        self._slowest = self._busy = 0.0
        self.num_frames = 0

    def __enter__(self) -> FrameProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the line."""
        if self._is_shown:
            self._write(_ERASE_LINE)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Counts a frame and the time of the block."""
        begin = time.perf_counter()
        yield
        now = time.perf_counter()
        self.num_frames += 1
        self._busy += now - begin
        self._slowest = max(self._slowest, now - begin)
        if self._is_shown and now - self._last_update >= _INTERVAL:
            self._last_update = now
            self._write(f"{_ERASE_LINE}{self.describe()}")

    def describe(self) -> str:
        """Frames, time, frames per second of all work, and milliseconds of computing for each frame."""
        seconds = time.perf_counter() - self._begin
        count = self.num_frames
        frames = f"{count} frame" if count == 1 else f"{count} frames"
        average = 1000 * self._busy / max(count, 1)
        return (
            f"{frames} in {seconds:.1f} s, {count / seconds:.2f} frames/s; "
            f"computing took {average:.0f} ms a frame, the slowest {1000 * self._slowest:.0f} ms"
        )

    def _write(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)
