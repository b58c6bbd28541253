"""Which files ``upscale`` reads and where each result goes. Paths only: no picture is opened here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srdgan_rt.cli.options import Extension
from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.image import READABLE_EXTENSIONS, WRITABLE_EXTENSIONS, FoundPicture, find_pictures


@dataclass(frozen=True)
class Job:
    """One picture to be upscaled.

    Args:
        source: file to read.
        target: file to write.
        may_become_png: whether the format was chosen by us, so that a result it cannot hold goes into a PNG.
        notes: what was decided, one line each.
    """

    source: Path
    target: Path
    may_become_png: bool
    notes: tuple[str, ...] = ()


@dataclass
class Plan:
    """What to do, what cannot be done (input and error), and what is left alone (input and reason)."""

    jobs: list[Job] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    left_alone: list[tuple[str, str]] = field(default_factory=list)


def plan_jobs(
    inputs: Sequence[str],
    output: str | None,
    *,
    recursive: bool = False,
    suffix: str = "x4",
    extension: Extension = Extension.AUTO,
) -> Plan:
    """Finds the pictures and gives each its place.

    Args:
        inputs: files, folders and patterns.
        output: a file, for a single picture; otherwise a folder, in which the tree of an input folder is mirrored; None
            puts each result beside its picture.
        recursive: search folders to the bottom.
        suffix: joined to the name's stem by an underscore; nothing is joined where it is empty.
        extension: format of the results; ``auto`` keeps the picture's, where results can be written in it.

    Returns:
        The plan. No two jobs write one file, no job overwrites an input, and results are not upscaled again.

    Raises:
        InputError: output or suffix cannot be what is asked for.
    """
    if any(separator in suffix for separator in {"/", os.sep, "\0"}):
        raise InputError(f"--suffix must be a part of a file name, got {suffix!r}")
    target_file, target_folder = _interpret_output(inputs, output, extension)
    plan = Plan()
    jobs: list[Job] = []
    for found in find_pictures(inputs, recursive):
        if found.error is not None:
            plan.failures.append((str(found.path), found.error))
        elif target_file is not None:
            jobs.append(Job(found.path, target_file, may_become_png=False))
        elif target_folder is None or not is_old_result(found.path, inputs, target_folder):
            jobs.append(_make_job(found, target_folder, suffix, extension))
    if target_file is not None and len(jobs) > 1:
        raise InputError(f"--output {output}: is one picture, but there are {len(jobs)} inputs; give a folder")
    _settle_conflicts(jobs, plan)
    return plan


def _interpret_output(
    inputs: Sequence[str], output: str | None, extension: Extension
) -> tuple[Path | None, Path | None]:
    """The output as (file, folder), of which at most one is given."""
    if output is None:
        return None, None
    if not output:
        raise InputError("--output must not be empty")
    path = Path(output)
    ending = path.suffix.lower()
    if path.is_dir() or output.endswith(("/", os.sep)) or ending not in READABLE_EXTENSIONS:
        if path.exists() and not path.is_dir():
            raise InputError(f"--output {output}: is a file, but neither a folder nor called like a picture")
        return None, path
    if len(inputs) > 1 or Path(inputs[0]).is_dir():
        raise InputError(f"--output {output}: is one picture, but the input may be several; give a folder")
    if ending not in WRITABLE_EXTENSIONS:
        raise InputError(f"--output {output}: results are written as {', '.join(WRITABLE_EXTENSIONS)}")
    if extension is not Extension.AUTO:
        raise InputError(f"--ext {extension.value}: the output file's name already says the format")
    return path, None


def is_old_result(picture: Path, inputs: Sequence[str], target_folder: Path) -> bool:
    """Whether a picture lies in an output folder that in turn lies inside an input: it was not meant."""
    target = target_folder.resolve()
    return target in picture.resolve().parents and any(Path(name).resolve() in target.parents for name in inputs)


def _make_job(found: FoundPicture, target_folder: Path | None, suffix: str, extension: Extension) -> Job:
    ending, notes = _choose_ending(found.path, extension)
    name = f"{found.path.stem}_{suffix}{ending}" if suffix else f"{found.path.stem}{ending}"
    folder = found.path.parent if target_folder is None else target_folder / found.relative.parent
    return Job(found.path, folder / name, may_become_png=extension is Extension.AUTO, notes=notes)


def _choose_ending(source: Path, extension: Extension) -> tuple[str, tuple[str, ...]]:
    """File ending of the result, and a note where it is not the one that could be expected."""
    if extension is not Extension.AUTO:
        return f".{extension.value}", ()
    ending = source.suffix
    if ending.lower() in WRITABLE_EXTENSIONS:
        return ending, ()
    if ending.lower() == ".dng":
        return ".tiff", ("a raw photograph's result is stored as TIFF",)
    return ".png", (f"results are not written as {ending[1:] or 'files without extension'}: stored as PNG",)


def _settle_conflicts(jobs: list[Job], plan: Plan) -> None:
    """Sorts jobs into those that can be done and those that would harm another file."""
    origins = {_identify(job.target): job.source for job in jobs}
    taken: dict[str, Path] = {}
    for job in jobs:
        source, target = _identify(job.source), _identify(job.target)
        if source == target or _is_same_file(job.target, job.source):
            clash = "the result would overwrite its own input; choose --suffix or --output"
            plan.failures.append((str(job.source), ImageWriteError(clash)))
        elif source in origins:
            plan.left_alone.append((str(job.source), f"is the result of {origins[source]}, not upscaled again"))
        elif target in taken:
            clash = f"{job.target} is already the result of {taken[target]}"
            plan.failures.append((str(job.source), ImageWriteError(clash)))
        else:
            taken[target] = job.source
            plan.jobs.append(job)


def _identify(path: Path) -> str:
    """Equal for two ways of writing one path."""
    # The last part is left as it is: a link to a picture is a picture of its own, with a result of its own.
    return os.path.normcase(path.parent.resolve() / path.name)


def _is_same_file(path: Path, other: Path) -> bool:
    """Whether both exist and are one file, links and letter case seen through."""
    try:
        return path.samefile(other)
    except OSError:
        return False
