"""``srdgan-rt upscale --watch``: does the pictures that are put into folders, until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from srdgan_rt.cli.progress import FileProgress
from srdgan_rt.cli.results import Reporter
from srdgan_rt.cli.run_all import run_all
from srdgan_rt.files.jobs import Job, Plan
from srdgan_rt.files.result import Result
from srdgan_rt.files.watch import FolderWatch

_POLL_SECONDS = 0.5


def watch(
    folders: FolderWatch,
    plan: Callable[[], Plan],
    run: Callable[[Job, FileProgress], Iterable[Result]],
    reporter: Reporter,
    *,
    show_progress: bool,
) -> NoReturn:
    """Runs the jobs of files as soon as they are completely written. Each file is reported once for each content.

    Args:
        folders: the folders.
        plan: plans the jobs of all files that are there.
        run: does a job and yields its results.
        reporter: prints results and errors.
        show_progress: whether to show a progress bar where stderr is a terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C or another signal while no file was worked on.
        typer.Exit: the same while one was.
    """
    results: set[Path] = set()

    def run_and_note(job: Job, progress: FileProgress) -> Iterator[Result]:
        for result in run(job, progress):
            results.add(Path(result.output or ""))
            yield result

    while True:
        settled = folders.poll()
        if settled - results:
            found = plan()
            for subject, error in found.failures:
                if Path(subject) in settled:
                    reporter.failed(subject, error)
            left = [(subject, reason) for subject, reason in found.left_alone if Path(subject) in settled - results]
            reporter.left_alone(left)
            jobs = [job for job in found.jobs if job.source in settled]
            run_all(jobs, run_and_note, reporter, show_progress=show_progress)
        time.sleep(_POLL_SECONDS)
