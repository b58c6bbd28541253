"""Reports of ``upscale`` and ``degrade``: results on stdout as text or JSON, errors and notes on stderr."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol

from srdgan_rt.cli.ending import print_line
from srdgan_rt.cli.failures import describe_failure, say, say_failure
from srdgan_rt.cli.progress import format_rate
from srdgan_rt.errors import one_line
from srdgan_rt.files.result import Result

_MAX_LISTED = 8  # more skipped files with the same reason are only counted


class FilePlan(Protocol):
    """What a command will not do."""

    @property
    def failures(self) -> Sequence[tuple[str, Exception]]:
        """Input and error of what cannot be done."""

    @property
    def left_alone(self) -> Sequence[tuple[str, str]]:
        """Input and reason of what is skipped."""


class Reporter:
    """Prints each result as soon as it is ready, and counts failures.

    Args:
        as_json: whether to print one JSON object per file to stdout, with its notes.
        quiet: whether to print only errors, and JSON if ``as_json`` is set.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.num_failed = 0
        self._as_json = as_json
        self._quiet = quiet

    def done(self, result: Result) -> None:
        """Prints a result, or why its notes say that the file was skipped."""
        if self._as_json:
            _print_json(result)
        elif not self._quiet:
            for note in result.notes:
                say(f"{result.input}: {note}")
            if result.seconds is not None and result.megapixels_per_second is not None:
                sizes = f"{result.width}x{result.height} -> {result.out_width}x{result.out_height}"
                speed = f"{result.seconds:.1f} s, {format_rate(1e6 * result.megapixels_per_second)}"
                print_line(one_line(f"{result.input} -> {result.output} ({sizes}, {speed})"))

    def planned(self, plan: FilePlan) -> None:
        """Prints what a plan leaves out: what cannot be done, and what is skipped."""
        for subject, error in plan.failures:
            self.failed(subject, error)
        self._left_alone(plan.left_alone)

    def _left_alone(self, files: Sequence[tuple[str, str]]) -> None:
        """Prints which files are skipped and why; many with the same reason in one line.

        Args:
            files: path and reason of each.
        """
        if self._as_json:
            for path, reason in files:
                _print_json(Result(path, "skipped", notes=(reason,)))
            return
        by_reason: dict[str, list[str]] = {}
        for path, reason in files:
            by_reason.setdefault(reason, []).append(path)
        for reason, paths in by_reason.items():
            if self._quiet:
                break
            for path in paths if len(paths) <= _MAX_LISTED else paths[:1]:
                say(f"{path}: {reason}")
            if len(paths) > _MAX_LISTED:
                say(f"and {len(paths) - 1:,} more files: {reason}")

    def failed(self, subject: str, error: Exception, output: str | None = None) -> None:
        """Prints and counts an input that gave no result."""
        self.num_failed += 1
        say_failure(subject, error)
        if self._as_json:
            _print_json(Result(subject, "failed", output, error=describe_failure(error)))


def _print_json(result: Result) -> None:
    print_line(json.dumps(asdict(result)))  # ASCII: any file name survives any stdout
