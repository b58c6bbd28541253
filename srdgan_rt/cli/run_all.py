"""Runs jobs in turn; one failure does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import typer

from srdgan_rt.cli.ending import OutputLostError
from srdgan_rt.cli.failures import say
from srdgan_rt.cli.progress import ProgressBar
from srdgan_rt.cli.results import Reporter
from srdgan_rt.files.result import Result
from srdgan_rt.signals import name_of, status_of


class FileJob(Protocol):
    """The work of a command on one file."""

    @property
    def source(self) -> Path:
        """File to read."""

    @property
    def target(self) -> Path:
        """File to write; the first where there are several."""


JobT = TypeVar("JobT", bound=FileJob)


def run_all(
    jobs: Sequence[JobT],
    run: Callable[[JobT, ProgressBar], Iterable[Result]],
    reporter: Reporter,
    *,
    show_progress: bool,
) -> None:
    """Runs jobs in turn; one failure does not stop the rest.

    Args:
        jobs: the jobs, in order.
        run: does a job and yields its results, which are reported one by one.
        reporter: prints results and errors.
        show_progress: whether to show a progress bar where stderr is a terminal.

    Raises:
        typer.Exit: Ctrl-C or another signal, after a line that says how many files are done.
        BrokenPipeError: the reader of the output is gone.
        OutputLostError: the output cannot be written.
    """
    for index, job in enumerate(jobs):
        try:
            with ProgressBar(f"{index + 1}/{len(jobs)} {job.source.name}", shown=show_progress) as progress:
                results = run(job, progress)
                for result in results:
                    progress.hide()
                    reporter.done(result)
        except KeyboardInterrupt as interrupt:
            say(f"{name_of(interrupt)}: {index} of {len(jobs)} files done, none half-written")
            raise typer.Exit(status_of(interrupt)) from None
        except (BrokenPipeError, OutputLostError):  # not an error of the file, whose result is written
            raise
        except Exception as error:  # of any type: one bad file must not stop the others
            reporter.failed(str(job.source), error, str(job.target))
