"""``srdgan-rt upscale --watch``: does the pictures that are put into folders, until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from srdgan_rt.cli.failures import say
from srdgan_rt.cli.progress import ProgressBar
from srdgan_rt.cli.results import Reporter
from srdgan_rt.cli.run_all import run_all
from srdgan_rt.files.jobs import Job, Planner
from srdgan_rt.files.result import Result
from srdgan_rt.files.upscale_file import FileUpscaler
from srdgan_rt.files.watch import FolderWatch

_POLL_SECONDS = 0.5


def watch(
    folders: FolderWatch, planner: Planner, files: FileUpscaler, reporter: Reporter, *, show_progress: bool
) -> NoReturn:
    """Runs the jobs of pictures as soon as they are completely written. Each is reported once for each content.

    Args:
        folders: the folders.
        planner: names the results.
        files: enlarges the pictures.
        reporter: prints results and errors.
        show_progress: whether to show a progress bar where stderr is a terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C or another signal while no file was worked on.
        typer.Exit: the same while one was.
    """
    results: set[Path] = set()

    def run(job: Job, progress: ProgressBar) -> Iterator[Result]:
        for result in files.run(job, progress):
            results.add(Path(result.output or ""))
            yield result

    problems: Mapping[Path, Exception] = {}
    while True:
        found = [picture for picture in folders.poll() if picture.path not in results]
        _tell_changes(problems, folders.problems)
        problems = folders.problems
        if found:
            plan = planner.plan(found)
            reporter.planned(plan)
            run_all(plan.jobs, run, reporter, show_progress=show_progress)
        time.sleep(_POLL_SECONDS)


def _tell_changes(before: Mapping[Path, Exception], now: Mapping[Path, Exception]) -> None:
    """Says which folders can no longer be searched, and which can be again."""
    for folder, error in now.items():
        if folder not in before:
            say(f"{error}; waiting until the folder can be searched")
    for folder in before:
        if folder not in now:
            say(f"{folder}: can be searched again")
