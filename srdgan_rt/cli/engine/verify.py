"""``srdgan-rt engine verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srdgan_rt.cli.ending import print_line
from srdgan_rt.cli.failures import FAILED, say_failure
from srdgan_rt.errors import EngineFileError


def verify(
    engines: Annotated[
        list[Path] | None, typer.Argument(metavar="[ENGINE]...", help="Engine files; all that are kept by default.")
    ] = None,
) -> None:
    """Checks that engines are whole, and for which GPUs they are; needs neither a GPU nor TensorRT.

    An engine must have the size and digest of its description and, from TensorRT-RTX, the version and GPUs in its own
    header.

    Exit status: 0 all are whole, 1 some are not.
    """
    from srdgan_rt.tensorrt.cache import EngineCache
    from srdgan_rt.tensorrt.files import EngineFiles, read_engine

    failed = False
    for files in EngineCache().list_engines() if engines is None else map(EngineFiles, engines):
        try:
            manifest = read_engine(files).manifest
        except EngineFileError as error:
            say_failure(str(files.engine), error)
            failed = True
            continue
        recipe = manifest.recipe
        print_line(f"{files.engine}: whole, {recipe.library} {recipe.version}, {', '.join(recipe.targets)}")
    if failed:
        raise typer.Exit(FAILED)
