"""Plans and makes the pairs of ``degrade``; apart from the command, because it imports PyTorch, which is slow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srdgan_rt.degrade import Degrader
from srdgan_rt.degrade.pair_set import PairPaths, PairSet, lies_in_pair_set, store_pair
from srdgan_rt.degrade.pairs import NoiseRange, hash_file, make_pairs, plan_pair
from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.files.jobs import is_old_result
from srdgan_rt.files.progress import FileProgress
from srdgan_rt.files.result import Result
from srdgan_rt.files.result_names import fold_name
from srdgan_rt.image import find_pictures


@dataclass(frozen=True)
class PairJob:
    """One photograph.

    Args:
        source: file to read.
        relative: its path relative to the input folder.
        names: names of its pairs; with the seed they decide the noise.
        target: LR file of its first pair.
    """

    source: Path
    relative: Path
    names: tuple[str, ...]
    target: Path


@dataclass
class PairJobs:
    """What ``degrade`` will do.

    Args:
        folder: folder of the pairs.
        jobs: photographs to degrade.
        failures: input and error of what cannot be done.
        left_alone: input and reason of what is skipped.
    """

    folder: Path
    jobs: list[PairJob] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    left_alone: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class PairOptions:
    """Options for all photographs of a call.

    Args:
        levels: smallest and largest noise level; None for those of the model.
        seed: seed of the set, at least 0.
        overwrite: whether to replace pairs that were made from other files or with other options.
        max_pixels: largest photograph; None is no limit.
    """

    levels: NoiseRange | None
    seed: int
    overwrite: bool
    max_pixels: int | None


def plan_pair_jobs(
    inputs: Sequence[str], output: str, scale: int, variants: int, *, recursive: bool = False
) -> PairJobs:
    """Finds the photographs and names their pairs. Paths only: no picture is opened here.

    Args:
        inputs: files, folders and patterns.
        output: folder of the pairs; pictures in it are not inputs.
        scale: HR pixels per LR pixel, on each axis.
        variants: number of pairs per photograph.
        recursive: whether to search subfolders.

    Returns:
        The jobs, no two of which write one file.

    Raises:
        InputError: output is empty or a file.
    """
    if not output or (Path(output).exists() and not Path(output).is_dir()):
        raise InputError(f"--output must be a folder, got {output!r}")
    plan = PairJobs(Path(output))
    paths = PairPaths(plan.folder, scale)
    own = {Path(os.path.realpath(folder)) for folder in paths.folders}
    taken: dict[str, Path] = {}
    for found in find_pictures(inputs, recursive):
        if found.error is not None:
            plan.failures.append((str(found.path), found.error))
            continue
        if found.note is not None:
            plan.left_alone.append((str(found.path), found.note))
            continue
        parents = set(Path(os.path.realpath(found.path)).parents)
        if own & parents:
            if not is_old_result(found.path, inputs, plan.folder):
                plan.failures.append((str(found.path), InputError("is one of the pairs in --output")))
            continue
        if not found.is_named and lies_in_pair_set(found.path):
            plan.left_alone.append((str(found.path), "is one of the pairs of an earlier run, not degraded again"))
            continue
        names = name_pairs(found.relative, variants)
        # No other name is chosen for it: the name decides the noise, which must not depend on the other inputs.
        clash = next((name for name in names if fold_name(name) in taken), None)
        if clash is not None:
            error = ImageWriteError(f"its pair would be called {clash}.png, like that of {taken[fold_name(clash)]}")
            plan.failures.append((str(found.path), error))
            continue
        taken |= {fold_name(name): found.path for name in names}
        plan.jobs.append(PairJob(found.path, found.relative, names, paths.of(names[0])[1]))
    return plan


def name_pairs(relative: Path, variants: int) -> tuple[str, ...]:
    """Names of a photograph's pairs. Training programs want one flat folder, so the path becomes part of the name."""
    name = "__".join((*relative.parent.parts, relative.stem))
    return (name, *(f"{name}_v{variant}" for variant in range(2, variants + 1)))


def degrade_file(
    job: PairJob, degrader: Degrader, pairs: PairSet, options: PairOptions, progress: FileProgress
) -> Iterator[Result]:
    """Makes the missing pairs of one photograph.

    Args:
        job: the photograph and what its pairs are called.
        degrader: makes the low-resolution pictures.
        pairs: the set that they are added to.
        options: options of the call.
        progress: shows the progress of each pair.

    Yields:
        One result for each pair.

    Raises:
        SrdganError: the photograph cannot be read, or a pair cannot be stored.
    """
    digest = hash_file(job.source)
    missing = []
    for name in job.names:
        plan = plan_pair(name, job.relative.as_posix(), digest, degrader, seed=options.seed, levels=options.levels)
        if pairs.needs(plan, overwrite=options.overwrite):
            missing.append(plan)
        else:
            target = str(pairs.paths.of(plan.name)[1])
            yield Result(str(job.source), "skipped", target, notes=("skipped: the pair exists",))
    if not missing:
        return
    start = time.perf_counter()
    for plan, pair in make_pairs(
        job.source,
        missing,
        degrader,
        max_pixels=options.max_pixels,
        progress=progress.show,
        begin=progress.begin,
    ):
        store_pair(pairs.paths, plan, pair)
        seconds = time.perf_counter() - start
        (height, width), (low_height, low_width) = (picture.pixels.shape[:2] for picture in (pair.high, pair.low))
        yield Result(
            input=str(job.source),
            status="done",
            output=str(pairs.paths.of(plan.name)[1]),
            width=width,
            height=height,
            out_width=low_width,
            out_height=low_height,
            seconds=seconds,
            megapixels_per_second=height * width / 1e6 / seconds,
            engine="torch",
            model=degrader.name,
        )
        start = time.perf_counter()
