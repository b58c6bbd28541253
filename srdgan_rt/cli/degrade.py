"""``srdgan-rt degrade``: makes training pairs from clean photographs (the paper's GMSR)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.completion import complete_degradation
from srdgan_rt.cli.failures import FAILED
from srdgan_rt.cli.progress import ProgressBar
from srdgan_rt.cli.results import Reporter
from srdgan_rt.cli.run_all import run_all
from srdgan_rt.errors import InputError
from srdgan_rt.files.result import Result

if TYPE_CHECKING:
    from srdgan_rt.files.degrade_file import PairJob


def degrade(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, folders, or patterns such as 'in/*.jpg'.")
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the pairs; missing pairs are added.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-n",
            metavar="NAME|PATH",
            help="High-to-low net: a shipped one (srdgan-rt info lists them) or a weight file.",
            show_default="srdgan-h2l",
            autocompletion=complete_degradation,
        ),
    ] = None,
    noise_level: Annotated[
        str | None,
        typer.Option(
            metavar="X|A:B",
            help="Standard deviation of the noise fed to the net, for pixels in [0, 1], or a range of it.",
            show_default="drawn from those of the net's training",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise, combined with each file's name.")] = 0,
    variants: Annotated[int, typer.Option(min=1, help="Number of pairs made from each photograph.")] = 1,
    device: options.Device = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace pairs made from other files or with other options.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Search subfolders; the pair of a/b.jpg is called a__b.png.")
    ] = False,
    max_pixels: options.MaxPixels = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Makes training pairs from clean photographs: each with a small, noisy copy as a phone would take it.

    Writes OUTPUT/HR/NAME.png and OUTPUT/LRx4/NAME.png, which are aligned as training programs expect, and
    OUTPUT/manifest.json. A pair that exists and was made from the same file with the same options is kept: run the same
    command again to continue a stopped run. A file that fails does not stop the others.

    Exit status: 0 all done, 1 some input failed, 2 wrong usage, 128 + N stopped by signal N.
    """
    # Imported only now: they load PyTorch, and help and wrong usage should answer at once.
    from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
    from srdgan_rt.degrade import Degrader
    from srdgan_rt.degrade.pair_set import PairSet
    from srdgan_rt.files.degrade_file import PairOptions, degrade_file, plan_pair_jobs

    levels = None if noise_level is None else _parse_noise_level(noise_level)
    degrader = Degrader(model or DEFAULT_DEGRADATION, device=device)
    pair_options = PairOptions(levels, seed, overwrite, options.limit_pixels(max_pixels))
    plan = plan_pair_jobs(inputs, output, degrader.scale, variants, recursive=recursive)
    pairs = PairSet(plan.folder, degrader.scale)
    reporter = Reporter(as_json=as_json, quiet=quiet)
    reporter.planned(plan)

    def run(job: PairJob, progress: ProgressBar) -> Iterator[Result]:
        return degrade_file(job, degrader, pairs, pair_options, progress)

    try:
        run_all(plan.jobs, run, reporter, show_progress=not quiet)
    finally:
        pairs.finish()
    if reporter.num_failed:
        raise typer.Exit(FAILED)


def _parse_noise_level(text: str) -> tuple[float, float]:
    from srdgan_rt.degrade.pairs import check_noise_range

    first, colon, last = text.partition(":")
    try:
        low = float(first)
        return check_noise_range(low, float(last) if colon else low)
    except ValueError:  # InputError is one, too
        raise InputError(
            f"--noise-level must be a number from 0 to 1 or a range A:B with 0 < A <= B <= 1, got {text!r}"
        ) from None
