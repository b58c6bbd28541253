"""Outcome of the work on one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Result:
    """Outcome of one file. Sizes are in pixels, None where processing stopped before they were known.

    ``--json`` prints these fields; docs/design/files.md lists them.

    Args:
        input: input file, or the argument that failed.
        status: ``done``, ``skipped`` (the notes say why) or ``failed`` (the error says why).
        output: file that was or would have been written.
        width: columns of the input.
        height: rows of the input.
        out_width: columns of the result.
        out_height: rows of the result.
        seconds: time from opening the input to closing the result.
        megapixels_per_second: input pixels divided by that time.
        engine: name of the engine that computed it.
        model: name of the model.
        notes: what was lost or decided, one line each.
        error: why there is no result; one line.
    """

    input: str
    status: Status
    output: str | None = None
    width: int | None = None
    height: int | None = None
    out_width: int | None = None
    out_height: int | None = None
    seconds: float | None = None
    megapixels_per_second: float | None = None
    engine: str | None = None
    model: str | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
