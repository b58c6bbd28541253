"""Tables of text cells, for a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

Row = Sequence[str]


def render_text_table(rows: Sequence[Row], num_labels: int = 1, *, title: str = "") -> str:
    """A table with aligned columns.

    Args:
        rows: the cells, headings first; all rows of one length.
        num_labels: columns from the left that are aligned to the left; the others, numbers, to the right.
        title: a line above the table; "" for none.

    Returns:
        Text that ends in a line break.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [title] if title else []
    for row in rows:
        cells = list(zip(row, widths, strict=True))
        labels = [cell.ljust(width) for cell, width in cells[:num_labels]]
        lines.append("  ".join(labels + [cell.rjust(width) for cell, width in cells[num_labels:]]))
    return "\n".join(lines) + "\n"


def render_markdown_table(rows: Sequence[Row], num_labels: int = 1, *, title: str = "") -> str:
    """A table in Markdown; arguments and result as of :func:`render_text_table`."""
    header, *body = rows
    rule = ["---"] * num_labels + ["---:"] * (len(header) - num_labels)
    # A bar in a file's name would end the cell.
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, rule, *body)]
    return "\n".join([f"**{title}**", "", *lines] if title else lines) + "\n"
