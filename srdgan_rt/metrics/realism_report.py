"""Renders comparisons of noise as text, Markdown and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from srdgan_rt.metrics.realism import Comparison, SourceNoise
from srdgan_rt.metrics.table import render_markdown_table, render_text_table

COLUMNS = ("noise", "AKLD", "by intensity", "lag 1", "R-G", "R-B", "G-B", "colour shift", "variance error")
_DIGITS = (4, 4, 3, 2, 2, 2, 2, 2)


def render_noise_text(comparisons: Sequence[Comparison]) -> str:
    """Tables with aligned columns for a terminal, one for each data set; ends in a line break."""
    return "\n".join(render_text_table([COLUMNS, *tabulate(c)], title=describe_comparison(c)) for c in comparisons)


def render_noise_markdown(comparisons: Sequence[Comparison]) -> str:
    """Markdown tables, one a data set; ends in a line break."""
    return "\n".join(render_markdown_table([COLUMNS, *tabulate(c)], title=describe_comparison(c)) for c in comparisons)


def render_noise_json(comparisons: Sequence[Comparison]) -> str:
    """JSON with the values of the table and the variance by intensity; ``null`` for values that cannot be measured."""
    return json.dumps({"data_sets": [_describe(comparison) for comparison in comparisons]}, indent=2) + "\n"


def describe_comparison(comparison: Comparison) -> str:
    """One line for the head of a table."""
    count = len(comparison.names)
    made = "pairs as they are" if comparison.low_resolution else "pairs sampled [4i+2]"
    return (
        f"{comparison.data_set}: {count} picture{'s' if count != 1 else ''}, {made}, "
        f"variance matched in each, seed {comparison.seed}"
    )


def tabulate(comparison: Comparison) -> list[tuple[str, ...]]:
    """The rows below ``COLUMNS``: real noise, real noise of two halves of each picture, and the sources."""
    return [
        (label, *(_format(value, digits) for value, digits in zip(figures, _DIGITS, strict=True)))
        for label, figures in _figures(comparison)
    ]


def _figures(comparison: Comparison) -> list[tuple[str, tuple[float, ...]]]:
    if not comparison.names:
        return []
    nothing = math.nan
    real, floor = comparison.real, np.mean(comparison.floors, axis=0)
    rows: list[tuple[str, tuple[float, ...]]] = [
        ("real", (nothing, nothing, *_own_figures(real), nothing)),
        ("real, half to half", (float(floor[0]), float(floor[1]), *[nothing] * 6)),
    ]
    for source in comparison.sources:
        missed = f" ({source.num_unmatched} not matched)" if source.num_unmatched else ""
        divergences = (source.akld_from(real), source.akld_from(real, by_intensity=True))
        rows.append((source.name + missed, (*divergences, *_own_figures(source), source.variance_error(real))))
    return rows


def _own_figures(noise: SourceNoise) -> tuple[float, ...]:
    return (float(noise.autocorrelation[0]), *map(float, noise.channels), noise.colour_shift)


def _format(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _describe(comparison: Comparison) -> dict[str, Any]:
    keys = [column.lower().replace(" ", "_").replace("-", "_") for column in COLUMNS[1:]]
    noises = [
        comparison.real,
        comparison.real,
        *comparison.sources,
    ]  # the row of the halves has the variance of the real noise
    return {
        "name": comparison.data_set,
        "pictures": comparison.names,
        "seed": comparison.seed,
        "low_resolution": comparison.low_resolution,
        "noise": {
            label: {
                **{key: _or_null(value) for key, value in zip(keys, figures, strict=True)},
                "variance": [_or_null(value) for value in noise.variance],
            }
            for noise, (label, figures) in zip(noises, _figures(comparison), strict=False)
        },
        "failures": [f"{failure.picture}: {failure.error}" for failure in comparison.failures],
    }


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
