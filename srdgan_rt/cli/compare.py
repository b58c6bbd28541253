"""``srdgan-rt compare``: a page that compares pictures of one scene."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.failures import say
from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.errors import InputError, one_line


def compare(
    pictures: Annotated[
        list[Path], typer.Argument(metavar="A B...", help="Two or more pictures of one scene; sizes may differ.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.", show_default=False)],
    title: Annotated[
        str | None, typer.Option(help="Title of the page.", show_default="the names of the pictures")
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Show only this region, in pixels of A, and the same part of the others, at full resolution.",
            show_default="the whole pictures",
        ),
    ] = None,
    no_metadata: Annotated[
        bool,
        typer.Option(
            "--no-metadata",
            help="Leave out EXIF (place and time of the photograph, too) and all other metadata.",
        ),
    ] = False,
    shown_pixels: Annotated[
        int | None,
        typer.Option(min=1, help="Show larger pictures reduced to this many pixels.", show_default="40 million"),
    ] = None,
    max_pixels: options.MaxPixels = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Writes a page that compares pictures of one scene: zoom, slider, side by side, difference.

    The page is one HTML file that needs no other file and no network. It also has the histogram, the size and the
    metadata of each picture, and PSNR and SSIM of those that have one size. Smaller pictures are shown as large as the
    largest. With --roi, histograms, PSNR and SSIM are those of the region.

    Exit status: 0 written, 1 failed, 2 wrong usage.
    """
    check_output_file(output, overwrite=overwrite, endings=(".html", ".htm"))
    if len(pictures) < 2:
        raise InputError(f"compare needs at least 2 pictures, got {len(pictures)}")
    region = options.parse_roi(roi)

    # Imported only now: they load PyTorch, and wrong usage should be reported at once.
    from rich.console import Console
    from rich.progress import Progress

    from srdgan_rt.atomic import replace_file
    from srdgan_rt.compare import compare_files
    from srdgan_rt.compare.page import DEFAULT_SHOWN_PIXELS

    with Progress(console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task("pictures", total=len(pictures))
        comparison = compare_files(
            pictures,
            title=title,
            roi=region,
            max_pixels=options.limit_pixels(max_pixels),
            shown_pixels=DEFAULT_SHOWN_PIXELS if shown_pixels is None else shown_pixels,
            with_metadata=not no_metadata,
            on_step=lambda: progress.advance(task),
        )
    with replace_file(output) as file:
        file.write(comparison.page)
    if not quiet:
        for name, note in comparison.notes:
            say(f"{name}: {note}")
        typer.echo(one_line(f"{output} ({len(pictures)} pictures, {len(comparison.page) / 1e6:.1f} MB)"))
