"""What the work on a file tells about its progress."""

from __future__ import annotations

from typing import Protocol


class FileProgress(Protocol):
    """Shows the progress of one file."""

    def begin(self, num_pixels: int) -> None:
        """The picture is read, and work on its ``num_pixels`` pixels begins."""

    def show(self, done: int, total: int) -> None:
        """``done`` of ``total`` pixels are done."""


class SilentProgress:
    """Shows nothing."""

    def begin(self, num_pixels: int) -> None:
        """Shows nothing."""

    def show(self, done: int, total: int) -> None:
        """Shows nothing."""
