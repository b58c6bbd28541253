"""``srdgan-rt serve``: a local page that enlarges pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.failures import say


def serve(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-n",
            metavar="NAME|PATH",
            help="A model to choose from, the default first; may be repeated.",
            show_default="auto, then the shipped ones",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 chooses a free one.")] = 8765,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in the default browser.")] = False,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Refuse larger files.")] = 200,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse pictures with more pixels.")] = 64_000_000,
    tile: options.Tile = "auto",
    precision: options.Precision = "auto",
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Serves a local page that enlarges pictures: drop one, choose a region, compare, save.

    Only this machine can open the page, and only with the whole address that is printed. Photographs do not leave the
    machine, and nothing is loaded from the network. Ctrl-C ends the server and removes its temporary files.

    Exit status: 1 failed, 2 wrong usage, 128 + N stopped by signal N.
    """
    tile_size = options.parse_tile(tile)

    # Imported only now: they load PyTorch, and help and wrong usage should answer at once.
    from srdgan_rt.serve.app import Limits
    from srdgan_rt.serve.server import serve_page

    def show(address: str) -> None:
        typer.echo(address)
        if not quiet:
            say("open this address in a browser on this machine; Ctrl-C ends")
        if browser:
            typer.launch(address)

    upscaler_options = {"tile": tile_size, "precision": precision, "engine": engine, "device": device}
    serve_page(models or (), port, Limits(max_megabytes * 1_000_000, max_pixels), upscaler_options, show)
