"""Reports how much of a picture is done."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called as ``progress(done, total)`` in pixels."""


class Progress:
    """Calls a callback whenever more is done than at the last call.

    Args:
        callback: called as ``callback(done, total)``; None for nobody.
        total: number of pixels.
    """

    def __init__(self, callback: ProgressCallback | None, total: int) -> None:
        self._callback = callback
        self._total = total
        self._reported = 0

    def report(self, done: int) -> None:
        """Reports that ``done`` pixels are done, unless as many were before."""
        if self._callback is not None and done > self._reported:
            self._reported = done
            self._callback(done, self._total)
