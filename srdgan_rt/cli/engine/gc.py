"""``srdgan-rt engine gc``."""

from __future__ import annotations

from typing import Annotated

import typer

from srdgan_rt.cli.ending import print_line


def gc(
    limit: Annotated[
        float, typer.Option(min=0, metavar="GB", help="What the engines may have together; 0 removes all.")
    ] = 4.0,
) -> None:
    """Removes damaged engines, those of other versions, and the least used ones beyond a limit.

    Engines that are being built now are left alone, and so is everything of other programs.
    """
    from srdgan_rt.tensorrt.cache import EngineCache

    cache = EngineCache()
    removed = cache.collect_garbage(round(limit * 1e9))
    for entry in removed:
        print_line(f"removed {entry.engine} ({entry.size / 1e6:.1f} MB): {entry.reason}")
    left = len(cache.list_engines())
    print_line(f"{cache.folder}: {left or 'no'} engine{'' if left == 1 else 's'} left")
