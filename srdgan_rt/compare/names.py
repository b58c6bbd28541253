"""Short names of files that still differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def shorten_names(paths: Sequence[Path]) -> list[str]:
    """The names of files, with as many of their folders as it takes to tell them apart.

    Args:
        paths: at least one path.

    Returns:
        A name for each: "photo.png", or "faithful/photo.png" beside "sharp/photo.png". A file that is given twice has
        the same name twice.
    """
    parts = [path.absolute().parts for path in paths]
    num_different = len(set(parts))
    longest = max(map(len, parts))
    lengths = (length for length in range(1, longest) if len({part[-length:] for part in parts}) == num_different)
    length = next(lengths, longest)
    return [str(Path(*part[-length:])) for part in parts]
