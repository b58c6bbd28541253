"""The progress bar of a picture: on stderr, only where that is a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from srdgan_rt.cli.failures import one_line


class FileProgress:
    """The bar of one picture: its share done, pixels a second and the time left. It is gone when the picture is done.

    Args:
        label: what to call the picture.
        shown: whether to show anything, should stderr be a terminal.
    """

    def __init__(self, label: str, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,  # results on stdout must stay there
            disable=not (shown and console.is_terminal),
        )
        self._task = self._progress.add_task(one_line(label), total=None, rate="")
        self._num_pixels = 0
        self._start = 0.0

    def __enter__(self) -> FileProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, num_pixels: int) -> None:
        """The picture is read, and the work on its ``num_pixels`` input pixels begins."""
        self._num_pixels = num_pixels
        self._start = time.perf_counter()

    def show(self, done: int, total: int) -> None:
        """``done`` of ``total`` steps are done."""
        seconds = max(time.perf_counter() - self._start, 1e-9)
        rate = format_rate(self._num_pixels * done / total / seconds)
        self._progress.update(self._task, completed=done, total=total, rate=rate)


def format_rate(pixels_per_second: float) -> str:
    """A speed with a unit that suits it."""
    if pixels_per_second >= 1e6:
        return f"{pixels_per_second / 1e6:.2f} Mpixels/s"
    return f"{pixels_per_second / 1e3:.1f} kpixels/s"
