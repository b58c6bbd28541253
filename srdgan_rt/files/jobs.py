"""Plans which files ``upscale`` reads and where each result goes. No picture is decoded here."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from srdgan_rt.errors import ImageReadError, ImageWriteError, InputError
from srdgan_rt.files.extension import Extension
from srdgan_rt.files.own_results import ResultFinder, find_mark, original_stem
from srdgan_rt.files.result_names import Draft, draft_result, fold_name, name_fallback, tell_apart
from srdgan_rt.image import WRITABLE_EXTENSIONS, FoundPicture

_LONGEST_NAME = 255  # bytes, of a file on every common file system
_OLD_RESULT = "is the result of an earlier run; to enlarge it, name it without its original"
_FILE_ENDING = re.compile(r"\.(?=\d*[a-z])[a-z0-9]{2,5}")


@dataclass(frozen=True)
class Job:
    """One picture to be upscaled.

    Args:
        source: file to read.
        target: file to write.
        fallback: PNG file to write instead where the format cannot hold the result; None where the user chose the
            format, or where this file is that of another picture.
        notes: decisions that the user should know, one line each.
    """

    source: Path
    target: Path
    fallback: Path | None = None
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


class Planner:
    """Decides where results go, also of pictures that are found one after another.

    Args:
        inputs: files, folders and patterns.
        output: a file, for a single picture; otherwise a folder, in which the tree of an input folder is mirrored; None
            puts each result beside its picture.
        suffix: added to the name's stem after an underscore; nothing is added where it is empty.
        extension: format of the results; ``auto`` keeps the picture's where results can be written in it.

    Raises:
        InputError: output or suffix is not valid.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        output: str | None,
        *,
        suffix: str = "x4",
        extension: Extension = Extension.AUTO,
    ) -> None:
        if any(separator in suffix for separator in {"/", os.sep, "\0"}):
            raise InputError(f"--suffix must be a part of a file name, got {suffix!r}")
        self._file, self._folder = _interpret_output(inputs, output, extension)
        self._inputs = inputs
        self._suffix = suffix
        self._extension = extension
        self._drafts: dict[str, Draft] = {}  # by the file that the picture really is
        self._named: dict[Draft, Draft] = {}
        self._taken: dict[str, Path] = {}  # results of the jobs so far, and the pictures that they are made of

    def plan(self, found: list[FoundPicture]) -> Plan:
        """Plans the jobs of pictures. Those of earlier calls keep the names of their results.

        Args:
            found: pictures that are new, or have changed, since the last call.

        Returns:
            The plan. No two jobs write one file, no job overwrites an input, and results are not upscaled again.

        Raises:
            InputError: the output is a file, and there are several pictures.
        """
        plan = Plan()
        pictures = _choose_pictures(found, self._inputs, self._folder, plan)
        if self._file is None:
            jobs = self._name_results(pictures, plan)
        elif len(pictures) > 1:
            raise InputError(f"--output {self._file}: names one file, but there are {len(pictures)} inputs")
        else:
            jobs = [Job(picture.path, self._file) for picture in pictures]
        self._settle_conflicts(jobs, plan)
        return plan

    def _name_results(self, pictures: list[FoundPicture], plan: Plan) -> list[Job]:
        """The jobs of pictures; pictures that cannot be opened go into the plan."""
        new = set()
        for draft in _draft(pictures, self._folder, self._suffix, self._extension, plan):
            file = os.path.realpath(draft.source)
            if self._drafts.setdefault(file, draft).source == draft.source:  # a link to a known picture is left out
                self._drafts[file] = draft
                new.add(draft)
        drafts = list(self._drafts.values())
        self._named.update(zip(drafts, tell_apart(drafts, self._folder, self._named), strict=True))
        results = [self._named[draft] for draft in drafts if draft in new]
        return [
            Job(result.source, result.target, name_fallback(result.target, self._extension), result.notes)
            for result in results
        ]

    def _settle_conflicts(self, jobs: list[Job], plan: Plan) -> None:
        """Sorts jobs into those that can be done and those that would harm another file."""
        origins = self._taken | {_folded_path(job.target): job.source for job in jobs}
        for job in jobs:
            source, target = _folded_path(job.source), _folded_path(job.target)
            size = len(os.fsencode(job.target.name))
            if source == target or _is_same_file(job.target, job.source):
                clash = "the result would overwrite its own input; choose --suffix or --output"
                plan.failures.append((str(job.source), ImageWriteError(clash)))
            elif source in origins:
                plan.left_alone.append((str(job.source), f"is the result of {origins[source]}, not upscaled again"))
            elif self._taken.get(target, job.source) != job.source:
                clash = f"{job.target} is already the result of {self._taken[target]}"
                plan.failures.append((str(job.source), ImageWriteError(clash)))
            elif size > _LONGEST_NAME:
                rule = f"the name of its result is too long: at most {_LONGEST_NAME} bytes, got {size}; choose --output"
                plan.failures.append((str(job.source), ImageWriteError(rule)))
            else:
                self._taken[target] = job.source
                plan.jobs.append(job)
        self._settle_fallbacks(plan)

    def _settle_fallbacks(self, plan: Plan) -> None:
        """Takes a fallback from its job where it is another picture, or the result or fallback of one."""
        pictures = {_folded_path(draft.source) for draft in self._drafts.values()}
        owners = dict(self._taken)
        for index, job in enumerate(plan.jobs):
            if job.fallback is not None:
                file = _folded_path(job.fallback)
                if file in pictures or owners.setdefault(file, job.source) != job.source:
                    plan.jobs[index] = replace(job, fallback=None)


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
    names = Counter(fold_name(entry.path.name) for entry in found if entry.is_picture)
    stems = {fold_name(entry.path.stem) for entry in found if entry.is_picture}
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
            elif entry.path.exists() and not entry.path.is_file():
                plan.failures.append((subject, ImageReadError("not a regular file")))
            # The shell may have expanded a pattern: a named result is an input only if its original is not named, too.
            elif finder.is_result(entry.path) and not (entry.is_named and not _has_original(entry.path, names, stems)):
                plan.left_alone.append((subject, _OLD_RESULT))
            else:
                pictures.append(entry)
        except OSError as error:
            plan.failures.append((subject, error))
    return pictures


def _has_original(result: Path, names: Counter[str], stems: set[str]) -> bool:
    """Whether the picture that a result was made of is an input, by the result's mark or else by its name.

    Args:
        result: a result that is an input.
        names: how many inputs have a name, as of :func:`fold_name`.
        stems: these names without endings.
    """
    mark = find_mark(result)
    if mark is not None and mark.source is not None:
        source, own = fold_name(mark.source), fold_name(result.name)
        return names[source] > (source == own)
    stem = original_stem(result)
    return stem is not None and fold_name(stem) in stems


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


def _folded_path(path: Path) -> str:
    """A text that is equal for all spellings of a path."""
    # The last part is not resolved: a link to a picture counts as a picture and has its own result.
    return os.path.normcase(Path(os.path.realpath(path.parent), path.name))


def _is_same_file(path: Path, other: Path) -> bool:
    """Whether both exist and are the same file, whatever links and letter case."""
    try:
        return path.samefile(other)
    except OSError:
        return False
