"""Runs jobs of ``upscale``; apart from the command, because it imports PyTorch, which is slow."""

from __future__ import annotations

import dataclasses
import enum
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from numpy.typing import DTypeLike

from srdgan_rt.errors import ImageWriteError
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.own_results import find_mark, mark_result
from srdgan_rt.files.progress import FileProgress
from srdgan_rt.files.result import Result
from srdgan_rt.image import Picture, check_writable, crop_metadata, measure_stated_noise, read_picture, write_picture
from srdgan_rt.pixels import Pixels
from srdgan_rt.runtime import AutoUpscaler, Upscaler, choose_upscaler
from srdgan_rt.runtime.noise_level import choose_denoise, denoise_of


class Existing(enum.Enum):
    """What to do where the result exists."""

    REFUSE = enum.auto()
    OVERWRITE = enum.auto()
    SKIP = enum.auto()
    RENEW = enum.auto()
    """Replace it where it is this program's result of the same picture, which has changed since; else skip."""


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """Options for all files of a call.

    Args:
        outscale: enlargement, above 0.
        denoise: share of the noise that is removed, 0..1, or ``"auto"``.
        quality: quality of JPEG, WebP and AVIF results, 1..100.
        existing: what to do where the result exists.
        max_pixels: largest input; None sets no limit.
    """

    outscale: float
    denoise: float | str
    quality: int
    existing: Existing
    max_pixels: int | None


class FileId(NamedTuple):
    """What tells a file, whatever its name, from other files and from itself after a change."""

    device: int
    inode: int
    changed: int
    """Time of the last change in nanoseconds."""


class FileUpscaler:
    """Enlarges picture files with the same options.

    Args:
        opened: enlarges the pictures, or chooses what does.
        options: options for all files.
    """

    def __init__(self, opened: Upscaler | AutoUpscaler, options: FileOptions) -> None:
        self._opened = opened
        self._options = options
        # Results, and the inputs that they were made of as these were then.
        self._made: dict[FileId, tuple[Path, FileId]] = {}

    def run(self, job: Job, progress: FileProgress) -> list[Result]:
        """Reads, enlarges and writes one picture.

        Args:
            job: input and output file.
            progress: shows the progress.

        Returns:
            One result: what was done, or that the file was skipped.

        Raises:
            SrdganError: the input cannot be read, the result cannot be stored, or the engine failed.
            OSError: the folder of the result cannot be made.
        """
        source = _read_id(job.source)
        if self._is_done(job.target, job.source, source):
            return [_skip(job, job.target)]
        start = time.perf_counter()
        with collect_warnings() as warnings:
            picture = read_picture(job.source, max_pixels=self._options.max_pixels)
            height, width = picture.pixels.shape[:2]
            out_sides = [max(1, round(side * self._options.outscale)) for side in (height, width)]
            # Before the work, not after it.
            target, notes = settle_target(job, (*out_sides, *picture.pixels.shape[2:]), picture.pixels.dtype)
            if self._is_done(target, job.source, source):
                return [_skip(job, target, notes)]
            progress.begin(height * width)
            upscaler, chosen = choose_upscaler(self._opened, picture.pixels)
            result = self._enlarge(job.source, picture, upscaler, progress)
            lost = write_picture(target, result, quality=self._options.quality)
            self._made[_read_id(target)] = job.source, source
        seconds = time.perf_counter() - start
        return [
            Result(
                input=str(job.source),
                status="done",
                output=str(target),
                width=width,
                height=height,
                out_width=result.pixels.shape[1],
                out_height=result.pixels.shape[0],
                seconds=seconds,
                megapixels_per_second=height * width / 1e6 / seconds,
                engine=upscaler.engine,
                model=upscaler.name,
                notes=(*result.notes, *notes, *chosen, *warnings, *lost),
            )
        ]

    def _enlarge(self, source: Path, picture: Picture, upscaler: Upscaler, progress: FileProgress) -> Picture:
        outscale, denoise = self._options.outscale, self._options.denoise
        noise = None
        if denoise == "auto" and picture.format == "dng":
            noise = measure_stated_noise(source, picture.pixels)
        return enlarge_and_mark(
            picture, upscaler, outscale, denoise, progress, stated_noise=noise, source_name=source.name
        )

    def _is_done(self, target: Path, source: Path, version: FileId) -> bool:
        """Whether the result is there and stays.

        Args:
            target: the result.
            source: the input.
            version: the input as it is now.

        Raises:
            ImageWriteError: there is a file that must not be replaced.
        """
        if not target.exists():
            return False
        made_of, made_version = self._made.get(_read_id(target), (None, None))
        # Names that differ may be the same file: many file systems ignore case, or how an accent is encoded.
        if made_of is not None and made_of != source:
            raise ImageWriteError(f"{target} is already the result of {made_of}")
        existing = self._options.existing
        if existing is Existing.OVERWRITE:
            return False
        if existing is Existing.REFUSE:
            raise refuse_existing(target)
        if existing is Existing.RENEW and made_of is not None:
            return made_version == version
        mark = find_mark(target)
        if mark is not None and mark.names_other(source):
            # --watch has no --overwrite.
            ways = "--suffix or --output" if existing is Existing.RENEW else "--overwrite, --suffix or --output"
            raise ImageWriteError(f"{target} is the result of {mark.source}, not of {source.name}: choose {ways}")
        if existing is Existing.SKIP or mark is None or mark.source is None:  # it may be a picture of the user's
            return True
        is_current = version.changed <= _read_id(target).changed
        if is_current:  # known from now on, so that any other change of the picture counts, too
            self._made[_read_id(target)] = source, version
        return is_current


def refuse_existing(target: Path | str) -> ImageWriteError:
    """The error of a picture whose result exists, where no option says what to do."""
    return ImageWriteError(f"{target} exists: choose --overwrite or --skip-existing")


def _skip(job: Job, target: Path, notes: tuple[str, ...] = ()) -> Result:
    return Result(str(job.source), "skipped", str(target), notes=(*notes, "skipped: the result exists"))


def enlarge_and_mark(
    picture: Picture,
    upscaler: Upscaler,
    outscale: float,
    denoise: float | str,
    progress: FileProgress,
    region: tuple[int, int, int, int] | None = None,
    *,
    stated_noise: float | None = None,
    source_name: str | None = None,
) -> Picture:
    """Enlarges a picture, or a region of it, and marks the result as one of this program.

    Args:
        picture: as read.
        upscaler: enlarges the pixels.
        outscale: enlargement, above 0.
        denoise: share of the noise that is removed, 0..1, or ``"auto"``.
        progress: shows the progress.
        region: ``(x, y, width, height)`` in pixels of the picture; None for all of it.
        stated_noise: of :func:`srdgan_rt.image.measure_stated_noise`, which ``"auto"`` then uses; None measures the
            noise of the pixels.
        source_name: name of the picture's file, which the mark then holds.

    Returns:
        The result, ready to be written. Notes are added: the noise that was found, what a region does to metadata.

    Raises:
        SrdganError: the engine failed, or an argument is out of range.
    """
    strength, measured = _settle_denoise(picture.pixels, denoise, stated_noise)
    pixels = upscaler.upscale(picture.pixels, outscale=outscale, denoise=strength, roi=region, progress=progress.show)
    if region is not None:
        picture = crop_metadata(picture, height=region[3], width=region[2])
    packet = mark_result(picture.metadata.xmp, upscaler.name, outscale, source_name)
    metadata = dataclasses.replace(picture.metadata, xmp=packet)
    return dataclasses.replace(picture, pixels=pixels, metadata=metadata, notes=(*picture.notes, *measured))


def _settle_denoise(pixels: Pixels, denoise: float | str, stated_noise: float | None) -> tuple[float, tuple[str, ...]]:
    """The strength of denoising; where the noise decides, with a note that says so."""
    if not isinstance(denoise, str):
        return denoise, ()
    if stated_noise is not None:
        strength = denoise_of(stated_noise)
        return strength, (f"noise of {255 * stated_noise:.1f}/255 by DNG's NoiseProfile: --denoise {strength:.2g}",)
    strength, level = choose_denoise(pixels)
    found = "noise cannot be measured" if level is None else f"noise of {255 * level:.1f}/255"
    return strength, (f"{found}: --denoise {strength:.2g}",)


def settle_target(job: Job, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Path, tuple[str, ...]]:
    """Makes the folder and checks whether the result can be stored there; if not, whether as PNG.

    Args:
        job: input and output file.
        shape: shape of the result, ``(H, W)`` or ``(H, W, C)``.
        dtype: its samples.

    Returns:
        The file to write, and decisions that the user should know.

    Raises:
        ImageWriteError: the result cannot be stored.
    """
    job.target.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = (*shape, 1)[:3]
    try:
        check_writable(job.target, height, width, channels, dtype)
    except ImageWriteError as error:
        if job.fallback is None:
            raise
        check_writable(job.fallback, height, width, channels, dtype)
        return job.fallback, (*job.notes, f"stored as PNG instead: {error}")
    return job.target, job.notes


def _read_id(path: Path) -> FileId:
    status = path.stat()
    return FileId(status.st_dev, status.st_ino, status.st_mtime_ns)


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Collects the warnings that the package logs, each text once."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() not in messages:
                messages.append(record.getMessage())

    logger = logging.getLogger("srdgan_rt")
    collector = Collector(logging.WARNING)
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
