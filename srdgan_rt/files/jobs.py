"""Plans which files ``upscale`` reads and where each result goes. No picture is decoded here."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.files.extension import Extension
from srdgan_rt.files.own_results import ResultFinder
from srdgan_rt.files.result_names import Draft, draft_result, tell_apart
from srdgan_rt.image import WRITABLE_EXTENSIONS, FoundPicture, find_pictures

_LONGEST_NAME = 255  # bytes, of a file on every common file system
_FILE_ENDING = re.compile(r"\.(?=\d*[a-z])[a-z0-9]{2,5}")


@dataclass(frozen=True)
class Job:
    """One picture to be upscaled.

    Args:
        source: file to read.
        target: file to write.
        may_become_png: whether to write a PNG instead where the format cannot hold the result: yes, unless the user
            chose the format.
        notes: decisions that the user should know, one line each.
    """

    source: Path
    target: Path
    may_become_png: bool
    notes: tuple[str, ...] = ()


@dataclass
class Plan:
    """What ``upscale`` will do.

    Args:
        jobs: pictures to upscale.
        failures: input and error of what cannot be done.
        left_alone: input and reason of what is skipped.
    """

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
    """Finds the pictures and decides where each result goes.

    Args:
        inputs: files, folders and patterns.
        output: a file, for a single picture; otherwise a folder, in which the tree of an input folder is mirrored; None
            puts each result beside its picture.
        recursive: whether to search subfolders.
        suffix: added to the name's stem after an underscore; nothing is added where it is empty.
        extension: format of the results; ``auto`` keeps the picture's where results can be written in it.

    Returns:
        The plan. No two jobs write one file, no job overwrites an input, and results are not upscaled again.

    Raises:
        InputError: output or suffix is not valid.
    """
    if any(separator in suffix for separator in {"/", os.sep, "\0"}):
        raise InputError(f"--suffix must be a part of a file name, got {suffix!r}")
    target_file, target_folder = _interpret_output(inputs, output, extension)
    plan = Plan()
    pictures = _choose_pictures(find_pictures(inputs, recursive), inputs, target_folder, plan)
    if target_file is not None:
        if len(pictures) > 1:
            raise InputError(f"--output {output}: names one file, but there are {len(pictures)} inputs; name a folder")
        jobs = [Job(picture.path, target_file, may_become_png=False) for picture in pictures]
    else:
        drafts = tell_apart(_draft(pictures, target_folder, suffix, extension, plan), target_folder)
        jobs = [
            Job(draft.source, draft.target, may_become_png=extension is Extension.AUTO, notes=draft.notes)
            for draft in drafts
        ]
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
    if os.path.isdir(path) or output.endswith(("/", os.sep)) or not _FILE_ENDING.fullmatch(ending):  # noqa: PTH112
        if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
            raise InputError(f"--output {output}: exists and is neither a folder nor a picture")
        return None, path
    if ending not in WRITABLE_EXTENSIONS:
        endings = ", ".join(WRITABLE_EXTENSIONS)
        raise InputError(f"--output {output}: results can be {endings}; to name a folder, end with /")
    if len(inputs) > 1 or os.path.isdir(inputs[0]):  # noqa: PTH112
        raise InputError(f"--output {output}: names one file, but there may be several inputs; name a folder")
    if extension is not Extension.AUTO:
        raise InputError(
            f"--ext {extension.value}: has no effect where --output names a file, whose ending decides the format"
        )
    return path, None


def _choose_pictures(
    found: list[FoundPicture], inputs: Sequence[str], target_folder: Path | None, plan: Plan
) -> list[FoundPicture]:
    """The pictures to upscale. The rest goes into the plan: what is not a picture, and results of earlier runs."""
    finder = ResultFinder()
    stems = {entry.path.stem for entry in found if entry.is_picture}
    pictures = []
    for entry in found:
        subject = str(entry.path)
        try:
            if entry.error is not None:
                plan.failures.append((subject, entry.error))
            elif entry.note is not None:
                plan.left_alone.append((subject, entry.note))
            elif target_folder is not None and is_old_result(entry.path, inputs, target_folder):
                plan.left_alone.append((subject, "lies in the output folder, not upscaled again"))
            # The shell may have expanded a pattern: a named result is an input only if its original is not named, too.
            elif (not entry.is_named or _has_original(entry.path, stems)) and finder.is_result(entry.path):
                plan.left_alone.append(
                    (subject, "is the result of an earlier run, not upscaled again unless named alone")
                )
            else:
                pictures.append(entry)
        except OSError as error:
            plan.failures.append((subject, error))
    return pictures


def _has_original(path: Path, stems: set[str]) -> bool:
    return any(path.stem[:place] in stems for place, character in enumerate(path.stem) if character == "_")


def is_old_result(picture: Path, inputs: Sequence[str], target_folder: Path) -> bool:
    """Whether a picture lies in the output folder and that in an input folder: it is then a result, not an input."""
    target = Path(os.path.realpath(target_folder))
    parents = Path(os.path.realpath(picture)).parents
    return target in parents and any(Path(os.path.realpath(name)) in target.parents for name in inputs)


def _draft(
    pictures: list[FoundPicture], target_folder: Path | None, suffix: str, extension: Extension, plan: Plan
) -> list[Draft]:
    drafts = []
    for picture in pictures:
        try:
            drafts.append(draft_result(picture, target_folder, suffix, extension))
        except OSError as error:  # no permission to read it
            plan.failures.append((str(picture.path), error))
    return drafts


def _settle_conflicts(jobs: list[Job], plan: Plan) -> None:
    """Sorts jobs into those that can be done and those that would harm another file."""
    origins = {_identify(job.target): job.source for job in jobs}
    taken: dict[str, Path] = {}
    for job in jobs:
        source, target = _identify(job.source), _identify(job.target)
        size = len(os.fsencode(job.target.name))
        if source == target or _is_same_file(job.target, job.source):
            clash = "the result would overwrite its own input; choose --suffix or --output"
            plan.failures.append((str(job.source), ImageWriteError(clash)))
        elif source in origins:
            plan.left_alone.append((str(job.source), f"is the result of {origins[source]}, not upscaled again"))
        elif target in taken:
            clash = f"{job.target} is already the result of {taken[target]}"
            plan.failures.append((str(job.source), ImageWriteError(clash)))
        elif size > _LONGEST_NAME:
            rule = f"the name of its result is too long: at most {_LONGEST_NAME} bytes, got {size}; choose --output"
            plan.failures.append((str(job.source), ImageWriteError(rule)))
        else:
            taken[target] = job.source
            plan.jobs.append(job)


def _identify(path: Path) -> str:
    """A text that is equal for all spellings of a path."""
    # The last part is not resolved: a link to a picture counts as a picture and has its own result.
    return os.path.normcase(Path(os.path.realpath(path.parent), path.name))


def _is_same_file(path: Path, other: Path) -> bool:
    """Whether both exist and are the same file, whatever links and letter case."""
    try:
        return path.samefile(other)
    except OSError:
        return False
