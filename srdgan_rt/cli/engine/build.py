"""``srdgan-rt engine build``."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.calibration import check_calibration, read_calibration
from srdgan_rt.cli.engine.progress import BuildProgress
from srdgan_rt.cli.export import GraphForm
from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.tensorrt.targets import PRECISIONS, check_precision, list_targets, name_target, parse_targets

_PROBE = (96, 96)  # pixels


def build(
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="GPUs: sm75 (RTX 20), sm80 (A100), sm86 (RTX 30), sm89 (RTX 40), sm120 (RTX 50).",
            show_default="all that have the precision",
        ),
    ] = None,
    model: options.Model = None,
    sharpness: options.Sharpness = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Engine file to write.", show_default="in the folder of engines"),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="NAME", help=f"Type that is computed in: {', '.join(PRECISIONS)}.")
    ] = "fp16",
    calibrate: options.Calibrate = None,
    form: Annotated[
        GraphForm,
        typer.Option(help="Dense blocks with concatenations, or with sums and none (push; the same result)."),
    ] = GraphForm.CONCAT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an engine that exists.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Builds a TensorRT engine; no GPU is needed with TensorRT-RTX.

    Without -o the engine goes into the folder in which --engine tensorrt looks for it. With -o it goes into a file,
    with its description (.json) and layers (.layers.json) beside it: copy all three into that folder on the machine
    with the GPU. One file can hold code for several GPUs.

    int8 and fp8 are for the convolutions of dense blocks; the rest is fp16. Their ranges are measured on the middle of
    each picture of --calibrate, and on test patterns.

    Exit status: 0 built or there already, 1 failed, 2 wrong usage, 130 after Ctrl-C.
    """
    if output is not None:
        check_output_file(output, overwrite=overwrite, endings=(".engine",))
    targets = list_targets(precision) if arch is None else parse_targets(arch)
    check_precision(precision, targets)
    check_calibration(precision, calibrate)

    # Only now: they load PyTorch, and wrong usage should be told at once.
    from srdgan_rt.checkpoint import DEFAULT_MODEL, load_model
    from srdgan_rt.export import measure_input_ranges
    from srdgan_rt.runtime.backend import resolve_device
    from srdgan_rt.runtime.engines.tensorrt_backend import plan_profile
    from srdgan_rt.tensorrt.accuracy import make_probes
    from srdgan_rt.tensorrt.cache import EngineCache
    from srdgan_rt.tensorrt.cuda import CudaDevice
    from srdgan_rt.tensorrt.files import EngineFiles, read_layers_file, write_engine
    from srdgan_rt.tensorrt.layers import count_layers
    from srdgan_rt.tensorrt.library import find_library
    from srdgan_rt.tensorrt.task import plan_build

    if output is not None:
        for path in EngineFiles(output).written:
            check_output_file(path, overwrite=overwrite)
    library = find_library()
    gpu = driver = ""
    if not library.is_rtx:  # it builds for the GPU in the machine
        device = resolve_device("cuda")
        machine = CudaDevice(device)
        gpu, driver = machine.gpu, machine.driver
        if arch is None:
            targets = (name_target(device),)
    loaded = load_model(model or DEFAULT_MODEL, sharpness=sharpness)
    # With the probes of the accuracy gate: their contrast is higher than that of photographs, as that of print is.
    pictures = itertools.chain(read_calibration(calibrate or []), make_probes(*_PROBE).values())
    task = plan_build(
        loaded,
        precision=precision,
        profile=plan_profile(loaded.spec, precision),
        targets=targets,
        library=library,
        form=form.value,
        gpu=gpu,
        driver=driver,
        ranges=measure_input_ranges(loaded.net, pictures) if calibrate else None,
    )
    cache = EngineCache()
    if output is None and not overwrite and (found := cache.find(task.recipe)) is not None and found.files is not None:
        typer.echo(f"{found.files.engine} is there already")
        return
    label = f"{loaded.spec.name or 'engine'}, {precision}, {', '.join(targets)}"
    with BuildProgress(label, shown=not quiet) as progress:
        if output is None:
            stored = cache.fetch(task.recipe, lambda: task.build(progress.show), again=overwrite)
        else:
            stored = write_engine(EngineFiles(output), task.recipe, task.build(progress.show))
    if stored.files is None:
        raise typer.Exit(1)  # a warning said why it cannot be kept
    if not quiet:
        counts = count_layers(read_layers_file(stored.files))
        typer.echo(
            f"{stored.files.engine} ({stored.manifest.size / 1e6:.1f} MB for {', '.join(targets)}; "
            f"{counts.kernels} kernels, {counts.concatenations} of them concatenations)"
        )
