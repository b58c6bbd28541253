"""Progress of the work on one picture, which can be cancelled from another thread."""

from __future__ import annotations

import threading

from srdgan_rt.errors import CancelledError


class CancellableProgress:
    """Progress and end of one piece of work.

    Attributes:
        share: share that is done, 0 to 1.
    """

    def __init__(self) -> None:
        self.share = 0.0
        self._is_cancelled = threading.Event()

    def begin(self, num_pixels: int) -> None:
        """The work on the pixels begins."""
        self.show(0, num_pixels)

    def show(self, done: int, total: int) -> None:
        """Notes the progress.

        Raises:
            CancelledError: the work was cancelled.
        """
        if self._is_cancelled.is_set():
            raise CancelledError("cancelled")
        self.share = done / total

    def cancel(self) -> None:
        """Ends the work at its next step; nothing happens if it has ended already."""
        self._is_cancelled.set()
