"""Renders evaluations as text, Markdown and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from srdgan_rt.metrics.evaluation import Evaluation
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
        Text that ends in a line break. ``null`` stands for the PSNR of equal pictures, which is infinite, and for the
        mean of no pictures.
    """
    return json.dumps({"data_sets": [_describe(evaluation) for evaluation in evaluations]}, indent=2) + "\n"


def _head(evaluation: Evaluation) -> str:
    count = len(evaluation.pictures)
    pictures = f"{count} picture{'s' if count != 1 else ''}"
    return f"{evaluation.data_set}: {pictures}, {evaluation.protocol.describe(evaluation.channel)}"


def _rows(evaluation: Evaluation, per_image: bool) -> list[_Row]:
    mesh = evaluation.mesh
    head = ("PSNR", "SSIM", "mesh") if mesh else ("PSNR", "SSIM")
    rows: list[_Row] = [("method", *(("picture",) if per_image else ()), *head)]
    for method, scores in evaluation.scores.items():
        if per_image:
            rows += [(method, picture, *_format_score(score, mesh)) for picture, score in scores.items()]
        missing = len(evaluation.pictures) - len(scores)
        label = f"mean of {len(scores)}" if per_image else f"{method} ({missing} failed)" if missing else method
        rows.append((*((method, label) if per_image else (label,)), *_format_score(evaluation.mean(method), mesh)))
    return rows


def _format_score(score: Score | None, mesh: bool) -> _Row:
    if score is None:
        return ("-",) * (3 if mesh else 2)
    cells = (f"{score.psnr:.2f}", f"{score.ssim:.4f}")
    return (*cells, "-" if score.mesh is None else f"{score.mesh:.2f}") if mesh else cells


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
    described = {"psnr": score.psnr if math.isfinite(score.psnr) else None, "ssim": score.ssim}
    return described if score.mesh is None else {**described, "mesh": score.mesh}
