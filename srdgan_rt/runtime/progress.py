"""Reports how much of a picture is done."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called as ``progress(done, total)`` in pixels."""


class Progress:
    """Calls a callback whenever more is done than at the last call.

    A network that runs in strips finishes rows long after it has read them. Pixels that have only been read count half.

    Args:
        callback: called as ``callback(done, total)``; None for nobody.
        total: number of pixels.
    """

    def __init__(self, callback: ProgressCallback | None, total: int) -> None:
        self._callback = callback
        self._total = total
        self._read = 0
        self._finished = 0
        self._reported = 0

    def note_read(self, pixels: int) -> None:
        """Notes how many of the pixels have been read so far."""
        self._read = pixels
        self._report()

    def note_finished(self, pixels: int) -> None:
        """Notes how many of the pixels are finished so far."""
        self._finished = pixels
        self._report()

    def _report(self) -> None:
        done = max(self._finished, (self._read + self._finished) // 2)
        if self._callback is not None and done > self._reported:
            self._reported = done
            self._callback(done, self._total)
