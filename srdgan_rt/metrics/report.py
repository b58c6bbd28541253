"""Renders evaluations as text, Markdown and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from srdgan_rt.metrics.evaluation import Evaluation
from srdgan_rt.metrics.measure import Measure
from srdgan_rt.metrics.protocol import SCALE, Score
from srdgan_rt.metrics.table import render_markdown_table, render_text_table

_Row = tuple[str, ...]


def render_text(evaluations: Sequence[Evaluation], *, per_image: bool = False) -> str:
    """Aligned columns for a terminal.

    Args:
        evaluations: one for each data set.
        per_image: a row for each picture, before the mean.

    Returns:
        Text that ends in a line break.
    """
    num_labels = 1 + per_image
    return "\n".join(render_text_table(_rows(e, per_image), num_labels, title=_head(e)) for e in evaluations)


def render_markdown(evaluations: Sequence[Evaluation], *, per_image: bool = False) -> str:
    """Markdown tables; arguments and result as of :func:`render_text`."""
    num_labels = 1 + per_image
    return "\n".join(render_markdown_table(_rows(e, per_image), num_labels, title=_head(e)) for e in evaluations)


def render_json(evaluations: Sequence[Evaluation]) -> str:
    """JSON with the protocol, each picture's scores and their means.

    Args:
        evaluations: one for each data set.

    Returns:
        Text that ends in a line break. ``null`` stands for what is infinite, as the PSNR of equal pictures, for a
        measure that has no value, and for the mean of no pictures.
    """
    return json.dumps({"data_sets": [_describe(evaluation) for evaluation in evaluations]}, indent=2) + "\n"


def _head(evaluation: Evaluation) -> str:
    count = len(evaluation.pictures)
    pictures = f"{count} picture{'s' if count != 1 else ''}"
    return f"{evaluation.data_set}: {pictures}, {evaluation.protocol.describe(evaluation.channel)}"


def _rows(evaluation: Evaluation, per_image: bool) -> list[_Row]:
    measures = evaluation.measures
    head = ("PSNR", "SSIM", *(measure.name for measure in measures))
    rows: list[_Row] = [("method", *(("picture",) if per_image else ()), *head)]
    for method, scores in evaluation.scores.items():
        if per_image:
            rows += [(method, picture, *_format_score(score, measures)) for picture, score in scores.items()]
        missing = len(evaluation.pictures) - len(scores)
        label = f"mean of {len(scores)}" if per_image else f"{method} ({missing} failed)" if missing else method
        rows.append((*((method, label) if per_image else (label,)), *_format_score(evaluation.mean(method), measures)))
    return rows


def _format_score(score: Score | None, measures: Sequence[Measure]) -> _Row:
    if score is None:
        return ("-",) * (2 + len(measures))
    values = [(score.measured[measure.name], measure.digits) for measure in measures]
    return (
        f"{score.psnr:.2f}",
        f"{score.ssim:.4f}",
        *("-" if value is None else f"{value:.{digits}f}" for value, digits in values),
    )


def _describe(evaluation: Evaluation) -> dict[str, Any]:
    protocol = evaluation.protocol
    return {
        "name": evaluation.data_set,
        "protocol": {
            "channel": evaluation.channel.value,
            "border": protocol.border,
            "scale": SCALE,
            "rounds_luma": protocol.rounds_luma,
            "low_resolution": protocol.low_resolution,
        },
        "methods": {
            method: {
                "mean": _describe_score(evaluation.mean(method)),
                "pictures": {picture: _describe_score(score) for picture, score in scores.items()},
            }
            for method, scores in evaluation.scores.items()
        },
        "failures": [f"{failure.picture}: {failure.error}" for failure in evaluation.failures],
    }


def _describe_score(score: Score | None) -> dict[str, float | None] | None:
    if score is None:
        return None
    values = {"psnr": score.psnr, "ssim": score.ssim, **score.measured}
    return {
        name.replace(" ", "_"): None if value is None or not math.isfinite(value) else value
        for name, value in values.items()
    }
