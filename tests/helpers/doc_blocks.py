"""Takes code out of the documentation, so that tests can run what a reader copies."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def read_block(page: str, heading: str, language: str = "sh") -> list[str]:
    """The lines of the first block of code below a heading, without empty ones.

    Args:
        page: path in the repository.
        heading: its text, without the number signs.
        language: what the block is marked with.
    """
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    _, found, below = text.partition(f"# {heading}\n")
    assert found, f"{page}: no heading {heading!r}"
    _, found, code = below.partition(f"\n```{language}\n")
    assert found, f"{page}: no block of {language} below {heading!r}"
    return [line for line in code.partition("\n```")[0].splitlines() if line.strip()]
