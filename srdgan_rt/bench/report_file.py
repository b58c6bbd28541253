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
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the report {path}: {error.strerror or error}") from error
    except ValueError as error:  # bytes that are no UTF-8, too
        raise InputError(f"cannot read the report {path}: it is no JSON") from error
    try:
        return Report.from_dict(data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"cannot read the report {path}: it is not what srdgan-rt bench --json writes") from error


def write_report(path: Path, report: Report) -> None:
    """Writes a report atomically: if the program is stopped, an existing report stays as it was."""
    with replace_file(path) as file:
        file.write((json.dumps(report.to_dict(), indent=2) + "\n").encode())
