"""The progress bar of a build: on stderr, only where that is a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from srdgan_rt.errors import one_line


class BuildProgress:
    """The bar of one build; gone when it is done.

    Args:
        label: what is built.
        shown: whether to show anything, should stderr be a terminal.
    """

    def __init__(self, label: str, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            disable=not (shown and console.is_terminal and not console.is_dumb_terminal),
        )
        self._task = self._progress.add_task(one_line(label), total=1.0)

    def __enter__(self) -> BuildProgress:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, fraction: float) -> None:
        """A share of the build, 0 to 1, is done. The last fifth, in which kernels are compiled, comes in one step."""
        self._progress.update(self._task, completed=fraction)
