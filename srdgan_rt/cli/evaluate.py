"""``srdgan-rt evaluate``: PSNR and SSIM tables in the paper's protocol."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from srdgan_rt.atomic import replace_file
from srdgan_rt.checkpoint import DEFAULT_MODEL
from srdgan_rt.cli import options
from srdgan_rt.cli.completion import complete_method
from srdgan_rt.cli.failures import FAILED, say_failure
from srdgan_rt.cli.methods import open_methods
from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.metrics import (
    BASELINES,
    GRADIENT_DISTANCE,
    GRADIENT_RATIO,
    MESH,
    Channel,
    DataSet,
    Evaluation,
    Measure,
    Method,
    evaluate_data_set,
    feature_measure,
    open_data_set,
    render_json,
    render_markdown,
    render_text,
)
from srdgan_rt.runtime import open_upscaler


class TableFormat(str, enum.Enum):
    """How the tables are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Data sets: HR/ (and LRx4/), or pairs *_clean/*_noisy or *_mean/*_real."),
    ],
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-n",
            metavar="NAME|PATH",
            help="Shipped model, weight file, interpolation (a:0.7+b:0.3), auto as in upscale, or "
            f"{', '.join(BASELINES)}; may be repeated.",
            show_default="bicubic and srdgan-x4-fast",
            autocompletion=complete_method,
        ),
    ] = None,
    sharpness: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            metavar="S",
            help="A row for this sharpness of each model that has sharp weights; may be repeated.",
            show_default="the model's own",
        ),
    ] = None,
    denoise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="D|auto",
            help="A row for each model with this share of the noise removed, 0..1; may be repeated.",
            show_default="1",
        ),
    ] = None,
    output_format: Annotated[TableFormat, typer.Option("--format", help="Format of the tables.")] = TableFormat.TEXT,
    channel: Annotated[Channel, typer.Option(help="What to score: luma (y), or all channels (rgb).")] = Channel.Y,
    full_resolution: Annotated[
        bool,
        typer.Option(
            "--full-resolution",
            help="For pairs: enlarge the noisy picture at full size, then score the mean of each 4x4 block.",
        ),
    ] = False,
    mesh: Annotated[
        bool,
        typer.Option(
            "--mesh", help="Also measure the pattern of period 4 on flat areas: largest peak to peak, in 1/255."
        ),
    ] = False,
    gradients: Annotated[
        bool,
        typer.Option(
            "--gradients",
            help="Also measure sharpness: mean gradient relative to the original's, and the distance of the gradients' "
            "histograms from the original's, in 1/255.",
        ),
    ] = False,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also measure the distance of VGG16's features from the original's (as LPIPS, without its learned "
            "weights); FILE is the net as training.convert_vgg writes it. Slow.",
        ),
    ] = None,
    per_image: Annotated[
        bool, typer.Option("--per-image", help="Show the scores of each picture, not only the mean.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write the tables to.")] = None,
    save_dir: Annotated[Path | None, typer.Option(help="Folder for the enlarged pictures, as PNG.")] = None,
    tta: options.Tta = False,
    tile: options.Tile = "auto",
    precision: options.Precision = "auto",
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
) -> None:
    """Scores models and baselines on data sets; without -n, bicubic and the default model."""
    data_sets = [open_data_set(folder, full_resolution=full_resolution) for folder in folders]
    if output is not None:
        check_output_file(output, overwrite=overwrite)
    if save_dir is not None:
        _check_save_dir(save_dir, data_sets)
    measures = [
        *([MESH] if mesh else []),
        *([GRADIENT_RATIO, GRADIENT_DISTANCE] if gradients else []),
        *([feature_measure(features)] if features is not None else []),
    ]
    settings: dict[str, Any] = {
        "engine": engine,
        "device": device,
        "precision": precision,
        "tile": options.parse_tile(tile),
        "tta": tta,
    }
    strengths = [options.parse_denoise(text) for text in denoise or []]
    if tta and models and all(model in BASELINES for model in models):
        raise InputError(f"--tta needs a model, got {', '.join(models)}")
    methods = open_methods(
        models or ["bicubic", DEFAULT_MODEL], sharpness or [], partial(open_upscaler, **settings), strengths
    )

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        evaluations = [
            _evaluate_one(data_set, methods, channel, measures, save_dir, progress) for data_set in data_sets
        ]
    _write_tables(_render(evaluations, output_format, per_image), output)
    failures = [failure for evaluation in evaluations for failure in evaluation.failures]
    for failure in failures:
        say_failure(failure.picture, failure.error)
    if failures:
        raise typer.Exit(FAILED)


def _check_save_dir(save_dir: Path, data_sets: Sequence[DataSet]) -> None:
    """Finds what would go wrong at the end, before any work is done."""
    if save_dir.exists() and not save_dir.is_dir():
        raise InputError(f"{save_dir}: is a file, not a folder")
    if len({data_set.name for data_set in data_sets}) < len(data_sets):
        raise InputError("--save-dir: two data sets have the same name, their pictures would share a folder")


def _evaluate_one(
    data_set: DataSet,
    methods: Mapping[str, Method],
    channel: Channel,
    measures: Sequence[Measure],
    save_dir: Path | None,
    progress: Progress,
) -> Evaluation:
    task = progress.add_task(data_set.name, total=len(data_set.samples) * len(methods))

    def save(method: str, picture: str, result: NDArray[np.uint8]) -> None:
        if save_dir is not None:
            path = save_dir / data_set.name / method / f"{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, Picture(result))

    return evaluate_data_set(
        data_set, methods, channel, measures, on_result=save, on_step=lambda: progress.advance(task)
    )


def _render(evaluations: Sequence[Evaluation], output_format: TableFormat, per_image: bool) -> str:
    if output_format is TableFormat.JSON:
        return render_json(evaluations)
    render = render_markdown if output_format is TableFormat.MARKDOWN else render_text
    return render(evaluations, per_image=per_image)


def _write_tables(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
    else:
        with replace_file(output) as file:
            file.write(text.encode())
