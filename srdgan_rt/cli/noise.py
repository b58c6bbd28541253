"""``srdgan-rt noise``: compares generated noise with real noise, as tables and as an HTML page."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from srdgan_rt.atomic import replace_file
from srdgan_rt.checkpoint import available_degradations
from srdgan_rt.cli import options
from srdgan_rt.cli.completion import complete_degradation
from srdgan_rt.cli.evaluate import TableFormat
from srdgan_rt.cli.failures import FAILED, say_failure
from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.degrade import Degrader
from srdgan_rt.errors import InputError
from srdgan_rt.metrics import (
    CameraNoise,
    GaussianNoise,
    NoisePair,
    NoiseSource,
    compare_noise,
    make_noise_pair,
    open_pairs,
)
from srdgan_rt.metrics.datasets import PairReader
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.metrics.realism_page import check_plots, render_noise_page
from srdgan_rt.metrics.realism_report import render_noise_json, render_noise_markdown, render_noise_text

_RENDER = {
    TableFormat.TEXT: render_noise_text,
    TableFormat.JSON: render_noise_json,
    TableFormat.MARKDOWN: render_noise_markdown,
}


def noise(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Data sets: pairs *_clean/*_noisy or *_mean/*_real.")
    ],
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-n",
            metavar="NAME|PATH",
            help="High-to-low net to compare, beside Gaussian noise and the camera model; may be repeated.",
            show_default="all shipped",
            autocompletion=complete_degradation,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write an HTML page with plots.")] = None,
    output_format: Annotated[TableFormat, typer.Option("--format", help="Format of the tables.")] = TableFormat.TEXT,
    low_resolution: Annotated[
        bool,
        typer.Option("--low-resolution", help="The pairs are small already: do not take every 4th pixel (4i + 2)."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated noise.")] = 0,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Compares generated noise with that of real photographs."""
    if output is not None:
        check_output_file(output, overwrite=overwrite, endings=(".html", ".htm"))
        check_plots()
    data_sets = [open_pairs(folder) for folder in folders]
    sources: list[NoiseSource] = [GaussianNoise(), CameraNoise()]
    sources += [_NetNoise(model, device) for model in (available_degradations() if models is None else models)]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--model: {name} is given twice; two files of one name must be renamed")

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        comparisons = []
        for name, readers in data_sets:
            task = progress.add_task(name, total=len(readers) * len(sources))
            pairs = {picture: partial(_read, reader, low_resolution) for picture, reader in readers.items()}
            comparisons.append(
                compare_noise(
                    name,
                    pairs,
                    sources,
                    seed=seed,
                    low_resolution=low_resolution,
                    on_step=partial(progress.advance, task),
                )
            )
    typer.echo(_RENDER[output_format](comparisons), nl=False)
    if output is not None:
        page = render_noise_page(comparisons)
        with replace_file(output) as file:
            file.write(page.encode())
    failures = [failure for comparison in comparisons for failure in comparison.failures]
    for failure in failures:
        say_failure(failure.picture, failure.error)
    if failures:
        raise typer.Exit(FAILED)


class _NetNoise:
    """A high-to-low net; the level is the standard deviation of N."""

    def __init__(self, model: str, device: str) -> None:
        self._degrader = Degrader(model, device=device)
        if self._degrader.scale != SCALE:
            raise InputError(f"--model: {model} must reduce by {SCALE}, reduces by {self._degrader.scale}")
        self.name = self._degrader.name

    def generate(self, pair: NoisePair, level: float, seed: int) -> NDArray[Any]:
        return self._degrader.degrade(pair.high, noise_level=level, seed=seed)


def _read(reader: PairReader, low_resolution: bool) -> NoisePair:
    return make_noise_pair(*reader(), low_resolution=low_resolution)
