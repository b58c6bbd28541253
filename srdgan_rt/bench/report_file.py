"""Reports as JSON files."""

from __future__ import annotations

import json
from pathlib import Path

from srdgan_rt.atomic import replace_file
from srdgan_rt.bench.report import Report
from srdgan_rt.errors import InputError


def read_report(path: Path) -> Report:
    """Reads a report that :func:`write_report` or ``srdgan-rt bench --json`` has written.

    Raises:
        InputError: the file cannot be read or is not a report.
    """
    try:
        return Report.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"cannot read the report {path}: {error!r}") from error


def write_report(path: Path, report: Report) -> None:
    """Writes a report atomically: if the program is stopped, an existing report stays as it was."""
    with replace_file(path) as file:
        file.write((json.dumps(report.to_dict(), indent=2) + "\n").encode())
