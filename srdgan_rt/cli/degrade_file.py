"""Plans and makes the pairs of ``degrade``. Separate from the command, because it imports PyTorch, which is slow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srdgan_rt.cli.jobs import is_old_result
from srdgan_rt.cli.progress import FileProgress
from srdgan_rt.cli.results import Result
from srdgan_rt.degrade import Degrader
from srdgan_rt.degrade.pair_set import PairPaths, PairSet, lies_in_pair_set, store_pair
from srdgan_rt.degrade.pairs import NoiseRange, hash_file, make_pairs, plan_pair
from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.image import find_pictures


@dataclass(frozen=True)
class PairJob:
    """One photograph.

    Args:
        source: file to read.
        relative: the same below its root.
        names: of its pairs, which with the seed decide the noise.
        target: the first LR file.
    """

    source: Path
    relative: Path
    names: tuple[str, ...]
    target: Path


@dataclass
class PairJobs:
    """What to do in which folder, what cannot be done (input and error), and what is left alone (input and reason)."""

    folder: Path
    jobs: list[PairJob] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    left_alone: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class PairOptions:
    """What holds for all photographs of a call.

    Args:
        levels: smallest and largest noise level; None for those of the model.
        seed: of the set.
        overwrite: replace pairs that were made otherwise.
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
        output: folder of the pairs; what lies in it is no input.
        scale: of the pairs.
        variants: pairs of each photograph.
        recursive: search folders to the bottom.

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
                plan.failures.append((str(found.path), InputError("lies among the pairs in --output")))
            continue
        if not found.is_named and lies_in_pair_set(found.path):
            plan.left_alone.append((str(found.path), "belongs to the pairs of an earlier run, not degraded again"))
            continue
        names = name_pairs(found.relative, variants)
        # Folded, because some file systems do not tell large letters from small ones.
        clash = next((taken[name.casefold()] for name in names if name.casefold() in taken), None)
        if clash is not None:
            error = ImageWriteError(f"its pair would be called {names[0]}.png as that of {clash}")
            plan.failures.append((str(found.path), error))
            continue
        taken |= {name.casefold(): found.path for name in names}
        plan.jobs.append(PairJob(found.path, found.relative, names, paths.of(names[0])[1]))
    return plan


def name_pairs(relative: Path, variants: int) -> tuple[str, ...]:
    """Names of a photograph's pairs: trainers want one flat folder, so the path becomes a part of the name."""
    name = "__".join((*relative.parent.parts, relative.stem))
    return (name, *(f"{name}_v{variant}" for variant in range(2, variants + 1)))


def degrade_file(
    job: PairJob, degrader: Degrader, pairs: PairSet, options: PairOptions, progress: FileProgress
) -> Iterator[Result]:
    """Makes the pairs of one photograph that are not there yet.

    Args:
        job: the photograph and what its pairs are called.
        degrader: makes the low-resolution pictures.
        pairs: where they go.
        options: how.
        progress: is told how far each pair is.

    Yields:
        One result for each pair.

    Raises:
        SrdganError: the photograph cannot be read or a pair not be stored.
    """
    digest = hash_file(job.source)
    missing = []
    for name in job.names:
        plan = plan_pair(name, job.relative.as_posix(), digest, degrader, seed=options.seed, levels=options.levels)
        if pairs.needs(plan, overwrite=options.overwrite):
            missing.append(plan)
        else:
            target = str(pairs.paths.of(plan.name)[1])
            yield Result(str(job.source), target, notes=("skipped: the pair is there",))
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
