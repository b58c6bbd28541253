"""The progress bar of a picture, shown on stderr where that is a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from srdgan_rt.errors import one_line

_NARROWEST = 40  # columns of a terminal that has room for a bar


class ProgressBar:
    """The bar of one picture: share done, pixels per second, time elapsed and time left.

    Until the engine reports progress, only the picture's size and the elapsed time are shown. The bar disappears when
    the picture is done.

    Args:
        label: name of the picture.
        shown: whether to show the bar where stderr is a terminal.
    """

    def __init__(self, label: str, *, shown: bool) -> None:
        console = Console(stderr=True)
        can_be_shown = console.is_terminal and not console.is_dumb_terminal and console.width >= _NARROWEST
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None, table_column=Column(ratio=1, max_width=40)),
            _StateColumn(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            redirect_stdout=False,  # results on stdout must stay there
            disable=not (shown and can_be_shown),
        )
        self._task = self._progress.add_task(one_line(label), total=None, num_pixels=0)

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def begin(self, num_pixels: int) -> None:
        """Starts the clock: the picture is read, and work on its ``num_pixels`` input pixels begins."""
        self._progress.reset(self._task, total=None, num_pixels=num_pixels)
        self._progress.start()

    def show(self, done: int, total: int) -> None:
        """Shows that ``done`` of ``total`` pixels are done."""
        self._progress.update(self._task, completed=done, total=total)
        self._progress.start()

    def hide(self) -> None:
        """Hides the bar, to print a line, until the next :meth:`begin` or :meth:`show`."""
        self._progress.stop()


class _StateColumn(ProgressColumn):
    """Share done, rate, time elapsed and time left, as far as they are known."""

    def render(self, task: Task) -> Text:
        num_pixels, seconds = task.fields["num_pixels"], task.elapsed or 0.0
        if not num_pixels:
            return Text()  # the picture is being read
        passed = format_time(seconds)
        if not task.total or not task.completed:
            return Text(f"{num_pixels / 1e6:.1f} Mpixels  {passed}")
        share = task.completed / task.total
        rate = format_rate(num_pixels * share / max(seconds, 1e-9))
        return Text(f"{share:4.0%}  {rate}  {passed}, {format_time(seconds * (1 - share) / share)} left")


def format_time(seconds: float) -> str:
    """A duration as ``0:07`` (minutes and seconds), or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_rate(pixels_per_second: float) -> str:
    """A speed in Mpixels/s, or in kpixels/s below 1 Mpixel/s."""
    if pixels_per_second >= 1e6:
        return f"{pixels_per_second / 1e6:.2f} Mpixels/s"
    return f"{pixels_per_second / 1e3:.1f} kpixels/s"
