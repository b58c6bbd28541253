"""``srdgan-rt upscale``: enlarges and denoises pictures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from srdgan_rt.checks import MOST_OUTSCALE
from srdgan_rt.cli import options
from srdgan_rt.cli.failures import FAILED
from srdgan_rt.cli.results import Reporter
from srdgan_rt.cli.run_all import run_all
from srdgan_rt.errors import InputError
from srdgan_rt.files.extension import Extension

_STREAMS = ("-", "/dev/stdin", "/dev/stdout")


def upscale(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, folders, or patterns such as 'in/*.jpg'.")
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Output file (for one input) or folder.", show_default="beside each input"),
    ] = None,
    model: options.ModelOrAuto = "auto",
    sharpness: options.Sharpness = None,
    denoise: options.Denoise = "1",
    outscale: Annotated[
        float, typer.Option("--outscale", "-s", help="Enlargement: any number above 0; 1 only denoises.")
    ] = 4.0,
    tta: options.Tta = False,
    tile: options.Tile = "auto",
    precision: options.Precision = "auto",
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    suffix: Annotated[
        str | None,
        typer.Option(help="Added to the name of each result, after an underscore.", show_default="x and the outscale"),
    ] = None,
    extension: Annotated[
        Extension, typer.Option("--ext", help="Format of the results; auto keeps that of the input where possible.")
    ] = Extension.AUTO,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG, WebP and AVIF results.")] = 95,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Skip inputs whose result exists.")] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Search subfolders; --output mirrors their tree.")
    ] = False,
    max_pixels: options.MaxPixels = None,
    watch_folders: Annotated[
        bool,
        typer.Option("--watch", help="Go on with pictures that are put into the input folders, until Ctrl-C."),
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="auto|ADDRESS",
            help="Work on a Ray cluster: auto finds the running one, local starts one on this machine.",
            show_default="this process alone",
        ),
    ] = None,
    ray_cpus: Annotated[int, typer.Option(min=1, help="CPUs of each worker of --ray.")] = 1,
    ray_gpus: Annotated[float, typer.Option(min=0, help="GPUs of each worker of --ray; 0.5 shares one by two.")] = 0.0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Enlarges and denoises pictures.

    Each result is written beside its input as NAME_x4.EXT, unless --output says otherwise. EXIF data, colour profile,
    16-bit depth, transparency and greyscale are kept where the format can hold them. A file that fails does not stop
    the others.

    Results of earlier runs are skipped; to enlarge one, name it without its original.

    With --watch, the pictures that are in the folders are done, and then new ones as soon as they are completely
    written: when they have not changed for two seconds. A picture that changes is done again, and its result replaced;
    a result that is newer than its picture is kept. Subfolders need -r, and Ctrl-C ends it.

    Exit status: 0 all done, 1 some input failed, 2 wrong usage, 128 + N stopped by signal N.
    """
    for path in (*inputs, output):
        if path in _STREAMS:
            raise InputError(f"upscale reads and writes files, not pipes, got {path}; stream takes raw frames")
    if not 0 < outscale <= MOST_OUTSCALE:
        raise InputError(f"--outscale must be a number above 0 and at most {MOST_OUTSCALE}, got {outscale:g}")
    if overwrite and skip_existing:
        raise InputError("--overwrite and --skip-existing exclude each other")
    if watch_folders and (overwrite or ray is not None):
        raise InputError(f"--watch and {'--overwrite' if overwrite else '--ray'} exclude each other")
    tile_size = options.parse_tile(tile)
    strength = options.parse_denoise(denoise)

    if ray is None and (ray_cpus, ray_gpus) != (1, 0.0):
        raise InputError("--ray-cpus and --ray-gpus have no effect without --ray")
    # Imported only now: they load PyTorch, and help and wrong usage should answer at once.
    from srdgan_rt.files.jobs import Planner
    from srdgan_rt.files.upscale_file import Existing, FileOptions, FileUpscaler
    from srdgan_rt.files.watch import FolderWatch
    from srdgan_rt.image import find_pictures
    from srdgan_rt.runtime import open_upscaler

    suffix = f"x{outscale:g}" if suffix is None else suffix
    planner = Planner(inputs, output, suffix=suffix, extension=extension)
    folders = FolderWatch(inputs, recursive) if watch_folders else None
    plan = planner.plan(find_pictures(inputs, recursive) if folders is None else [])
    arguments: dict[str, Any] = {
        "model": model,
        "sharpness": sharpness,
        "device": device,
        "engine": engine,
        "precision": precision,
        "tile": tile_size,
        "tta": tta,
    }
    upscaler = open_upscaler(**arguments) if ray is None else None
    if upscaler is not None and not quiet:
        options.warn_of_slow_precision(upscaler.device.type, upscaler.precision)
    reporter = Reporter(as_json=as_json, quiet=quiet)
    reporter.planned(plan)

    existing = Existing.RENEW if watch_folders else Existing.REFUSE
    existing = Existing.OVERWRITE if overwrite else Existing.SKIP if skip_existing else existing
    file_options = FileOptions(outscale, strength, quality, existing, options.limit_pixels(max_pixels))

    if ray is not None:
        from srdgan_rt.cli.upscale_ray import run_on_cluster

        run_on_cluster(plan.jobs, ray, arguments, file_options, reporter, num_cpus=ray_cpus, num_gpus=ray_gpus)
    elif upscaler is not None:
        files = FileUpscaler(upscaler, file_options)
        if folders is not None:
            from srdgan_rt.cli.upscale_watch import watch

            watch(folders, planner, files, reporter, show_progress=not quiet)
        run_all(plan.jobs, files.run, reporter, show_progress=not quiet)
    if reporter.num_failed:
        raise typer.Exit(FAILED)
