"""The progress that a run shows. Its figures are in the log as well."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LOG = "log.jsonl"  # in the folder of a run


class RunProgress:
    """On a terminal one line with speed and time left; elsewhere the lines of the log on stdout.

    Args:
        name: of the run.
        start: iterations done.
        total: iterations to do.
        shown: False shows nothing; of several processes only one shows it.
    """

    def __init__(self, name: str, start: int, total: int, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._shown = shown
        self._on_terminal = shown and console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}  {task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not self._on_terminal,
        )
        self._task = self._progress.add_task(name, total=total, completed=start, figures="")

    def __enter__(self) -> RunProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show_step(self, iteration: int, speed: float, loss: float) -> None:
        """An iteration is done, at a mean speed in iterations a second."""
        self._progress.update(self._task, completed=iteration, figures=f"{speed:.2f} it/s  loss {loss:.4g}")

    def show_line(self, line: str) -> None:
        """A line of the log."""
        if self._shown and not self._on_terminal:
            print(line, flush=True)

    def say(self, text: str) -> None:
        """Prints a message that is not in the log."""
        if self._shown:
            self._progress.console.print(text, markup=False, highlight=False)
