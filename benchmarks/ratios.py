"""Tables of times, and of how often each fits into the first."""

from __future__ import annotations

from collections.abc import Sequence


def write_head(labels: Sequence[str], names: Sequence[str]) -> str:
    """The head of a table in Markdown: labels, times of ``names``, ratios of the first to the others."""
    cells = [*labels, *names, *(f"{names[0]} / {name}" for name in names[1:])]
    return f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}"


def write_row(labels: Sequence[str], times: Sequence[float], digits: int) -> str:
    """A row below it; digits: of the times, behind the point."""
    figures = [f"{time:.{digits}f}" for time in times] + [f"{times[0] / time:.2f}" for time in times[1:]]
    return f"| {' | '.join([*labels, *figures])} |"
