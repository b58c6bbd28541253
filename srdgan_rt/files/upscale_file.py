"""Runs one job of ``upscale``; apart from the command, because it imports PyTorch, which is slow."""

from __future__ import annotations

import dataclasses
import enum
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numpy.typing import DTypeLike

from srdgan_rt.errors import ImageWriteError
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.own_results import mark_result
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


FileId = tuple[int, int]
"""Device and inode of a file: the same for all its names."""


def upscale_file(
    job: Job, opened: Upscaler | AutoUpscaler, options: FileOptions, written: dict[FileId, Path], progress: FileProgress
) -> Result:
    """Reads, enlarges and writes one picture.

    Args:
        job: input and output file.
        opened: enlarges the picture, or chooses what does.
        options: options of the call.
        written: results of this call so far and their inputs; the new one is added.
        progress: shows the progress.

    Returns:
        What was done, or that the file was skipped.

    Raises:
        SrdganError: the input cannot be read, the result cannot be stored, or the engine failed.
        OSError: the folder of the result cannot be made.
    """
    _check_not_written(job.target, written)
    if _may_skip(job.target, options.existing):
        return Result(str(job.source), "skipped", str(job.target), notes=("skipped: the result exists",))
    start = time.perf_counter()
    with collect_warnings() as warnings:
        picture = read_picture(job.source, max_pixels=options.max_pixels)
        height, width = picture.pixels.shape[:2]
        out_sides = [max(1, round(side * options.outscale)) for side in (height, width)]
        # Before the work, not after it.
        target, notes = settle_target(job, (*out_sides, *picture.pixels.shape[2:]), picture.pixels.dtype)
        _check_not_written(target, written)
        if _may_skip(target, options.existing):
            return Result(str(job.source), "skipped", str(target), notes=(*notes, "skipped: the result exists"))
        progress.begin(height * width)
        upscaler, chosen = choose_upscaler(opened, picture.pixels)
        noise = None
        if options.denoise == "auto" and picture.format == "dng":
            noise = measure_stated_noise(job.source, picture.pixels)
        result = enlarge_picture(picture, upscaler, options.outscale, options.denoise, progress, stated_noise=noise)
        lost = write_picture(target, result, quality=options.quality)
        written[_identify(target)] = job.source
    seconds = time.perf_counter() - start
    return Result(
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


def enlarge_picture(
    picture: Picture,
    upscaler: Upscaler,
    outscale: float,
    denoise: float | str,
    progress: FileProgress,
    region: tuple[int, int, int, int] | None = None,
    *,
    stated_noise: float | None = None,
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

    Returns:
        The result, ready to be written. Notes are added: the noise that was found, what a region does to metadata.

    Raises:
        SrdganError: the engine failed, or an argument is out of range.
    """
    strength, measured = _settle_denoise(picture.pixels, denoise, stated_noise)
    pixels = upscaler.upscale(picture.pixels, outscale=outscale, denoise=strength, roi=region, progress=progress.show)
    if region is not None:
        picture = crop_metadata(picture, height=region[3], width=region[2])
    packet = mark_result(picture.metadata.xmp, upscaler.name, outscale)
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
        png = job.target.with_suffix(".png")
        if not job.may_become_png or job.target.suffix.lower() == ".png":
            raise
        check_writable(png, height, width, channels, dtype)
        return png, (*job.notes, f"stored as PNG instead: {error}")
    return job.target, job.notes


def _check_not_written(target: Path, written: dict[FileId, Path]) -> None:
    """Refuses to overwrite a result of the same call, on file systems that take several names for the same."""
    if target.exists() and (source := written.get(_identify(target))) is not None:
        raise ImageWriteError(f"{target} is already the result of {source}")


def _identify(path: Path) -> FileId:
    status = path.stat()
    return status.st_dev, status.st_ino


def _may_skip(target: Path, existing: Existing) -> bool:
    if existing is Existing.OVERWRITE or not target.exists():
        return False
    if existing is Existing.SKIP:
        return True
    raise ImageWriteError(f"{target} exists: choose --overwrite or --skip-existing")


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
