"""Makes bursts from clean photographs with the camera model: ``python -m training.make_bursts PHOTOS BURSTS``.

For each photograph BURSTS gets a folder, ``a_jpg`` for ``a.jpg``, with the frames that a phone on a tripod takes of it,
to be read by ``training.make_pairs``; the first frame without noise, ``truth/truth.png``; and ``burst.json``, which
says how the frames were taken. A folder appears when it is complete, and is left as it is while photograph and options
are the same. A folder that was not made here is never touched: that scene, or one whose photograph cannot be read, is a
line on stderr, and the exit status is 1. At the end ``BURSTS/manifest.json`` has the records of all scenes.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from srdgan_rt.atomic import replace_file
from srdgan_rt.camera import random_camera, simulate_capture
from srdgan_rt.degrade.pairs import hash_file
from srdgan_rt.errors import InputError, SrdganError
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.pixels import to_bytes, to_float32
from srdgan_rt.signals import leave_signals_to_parent
from training.cli.parser import CommandParser, name_failure, one_line_errors
from training.data.pictures import Array, Bytes, find_photographs, read_rgb
from training.loop.lock import hold_folder

_MADE_BY = "python -m training.make_bursts"
_RECORD = "burst.json"
_UNFINISHED = ".making-"  # beginning of the names of folders that are being made; hidden, so no scene for make_pairs
_TRUTH = "truth/truth.png"  # in a subfolder, because every picture beside the frames counts as a frame


@dataclass(frozen=True)
class Options:
    """How bursts are taken.

    Attributes:
        frames: frames a burst.
        seed: with the name of the photograph, decides everything.
        shift: standard deviation of the frames' shifts on each axis, in pixels.
        moving: part of the frames in which an object passes.
        quality: of the JPEG files; 0 makes PNG files.
    """

    frames: int
    seed: int
    shift: float
    moving: float
    quality: int

    @property
    def names(self) -> list[str]:
        """The files of the frames."""
        return [f"{index:02d}.{'jpg' if self.quality else 'png'}" for index in range(self.frames)]


def take_burst(clean: Array, options: Options, rng: np.random.Generator) -> tuple[list[Bytes], Bytes, dict[str, Any]]:
    """Takes the frames of one scene.

    Args:
        clean: ``(H, W, 3)`` sRGB in [0, 1].
        options: how.
        rng: draws camera, shifts, object and noise.

    Returns:
        The frames and the truth, ``(H, W, 3)`` each, and the record: camera, shifts, moving frames.
    """
    camera = random_camera(rng)
    shifts = rng.normal(0, options.shift, (options.frames, 2))
    shifts[0] = 0
    is_moving = rng.random(options.frames) < options.moving
    frames = []
    for shift, moves in zip(shifts, is_moving, strict=True):
        scene = _move(clean, shift)
        if moves:
            height, width = clean.shape[:2]
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            colour = tuple(float(value) for value in rng.uniform(0.1, 0.9, 3))
            cv2.circle(scene, centre, max(2, min(height, width) // 40), colour, -1, cv2.LINE_AA)
        frames.append(to_bytes(simulate_capture(scene, camera, rng, mosaic=True)))
    truth = simulate_capture(clean, replace(camera, shot=0, read=0, response=0), rng, mosaic=True)
    record = {
        "camera": asdict(camera),
        "shifts": np.round(shifts, 3).tolist(),
        "moving": np.flatnonzero(is_moving).tolist(),
    }
    return frames, to_bytes(truth), record


def _move(clean: Array, shift: Any) -> Array:
    """Moves the content by ``shift`` (x, y) pixels."""
    height, width = clean.shape[:2]
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(clean, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(moved, 0, 1), np.float32)


def _read_record(path: Path) -> dict[str, Any]:
    """A record or manifest, empty where there is none that was made here."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if record["made_by"] == _MADE_BY else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_record(path: Path, content: dict[str, Any]) -> None:
    with replace_file(path) as file:
        file.write((json.dumps({"made_by": _MADE_BY, **content}, indent=1) + "\n").encode())


def make_scene(path: Path, out: Path, options: Options) -> bool:
    """Makes the burst of one photograph; False if it is there already.

    Raises:
        InputError: what is in its place was not made here.
        ImageReadError, ImageWriteError, OSError: of the files.
    """
    cv2.setNumThreads(1)  # the processes share the cores
    folder = out / _name_scene(path)
    source = {
        "photograph": path.name,
        "sha256": hash_file(path),
        "options": asdict(options),
    }
    record = _read_record(folder / _RECORD)
    if folder.exists():
        if not record:
            raise InputError(f"{folder} must have been made by this command, but has no {_RECORD} of it")
        old = {*Options(**record["options"]).names, _RECORD, _TRUTH}
        there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}
        if there == old and all(record[key] == value for key, value in source.items()):
            return False
        if there - old:
            raise InputError(f"{folder} must be made anew, but holds {min(there - old)}, which was not made here")
    clean = to_float32(read_rgb(path))
    rng = np.random.default_rng((options.seed, zlib.crc32(path.name.encode())))
    frames, truth, taken = take_burst(clean, options, rng)
    with TemporaryDirectory(prefix=_UNFINISHED, dir=out) as temporary:
        new = Path(temporary, "new")
        (new / _TRUTH).parent.mkdir(parents=True)
        for name, frame in zip(options.names, frames, strict=True):
            write_picture(new / name, Picture(frame), quality=options.quality or 95)
        write_picture(new / _TRUTH, Picture(truth))
        _write_record(new / _RECORD, {**source, **taken})
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        new.rename(folder)
    return True


def _name_scene(path: Path) -> str:
    return f"{path.stem}_{path.suffix[1:]}"


def _try_scene(path: Path, out: Path, options: Options) -> tuple[bool, str]:
    """Whether there is a burst, and a line about it."""
    try:
        made = make_scene(path, out, options)
    except (SrdganError, OSError, cv2.error) as error:
        return False, name_failure(path, error)
    return True, f"{_name_scene(path)}: {options.frames} frames{'' if made else ', there already'}"


def make_bursts(photographs: Path, out: Path, options: Options, workers: int) -> int:
    """Makes or completes the bursts of a folder of photographs, a line on stdout or stderr each.

    Returns:
        The number of photographs that could not be used.

    Raises:
        InputError: there are no photographs, or ``out`` has a manifest that was not made here.
        SrdganError: another process is writing into ``out``.
        OSError: the manifest cannot be written.
    """
    paths = find_photographs(photographs)
    manifest = out / "manifest.json"
    if manifest.exists() and not _read_record(manifest):
        raise InputError(f"{manifest} must have been made by this command")
    num_bad = 0
    with hold_folder(out):
        for left in out.glob(f"{_UNFINISHED}*"):  # by a run that was killed
            shutil.rmtree(left)
        tried = _try_all(paths, partial(_try_scene, out=out, options=options), workers)
        for count, (good, line) in enumerate(tried, 1):
            print(f"{count}/{len(paths)} {line}" if good else line, file=sys.stdout if good else sys.stderr, flush=True)
            num_bad += not good
        records = {path.parent.name: _read_record(path) for path in sorted(out.glob(f"[!.]*/{_RECORD}"))}
        _write_record(manifest, {"scenes": {name: record for name, record in records.items() if record}})
    return num_bad


def _try_all(paths: list[Path], one: partial[tuple[bool, str]], workers: int) -> Iterator[tuple[bool, str]]:
    if workers == 1:
        yield from map(one, paths)
    else:
        with ProcessPoolExecutor(workers, initializer=leave_signals_to_parent) as pool:
            yield from pool.map(one, paths)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("photographs", type=Path, metavar="PHOTOS", help="folder of clean photographs")
    parser.add_argument("bursts", type=Path, metavar="BURSTS", help="folder for the bursts; completed if it is there")
    parser.add_argument("--frames", type=int, default=20, help="frames a burst (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of cameras, shifts and noise (%(default)s)")
    parser.add_argument("--shift", type=float, default=0.5, help="standard deviation of shifts, pixels (%(default)s)")
    parser.add_argument(
        "--moving", type=float, default=0.0, help="part of the frames with a moving object (%(default)s)"
    )
    parser.add_argument(
        "--quality", type=int, default=95, help="quality of the JPEG files; 0 writes PNG files (%(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    arguments = parser.parse_args()
    for name, smallest in (("frames", 1), ("workers", 1), ("seed", 0), ("shift", 0)):
        if not smallest <= (value := getattr(arguments, name)) < math.inf:
            parser.error(f"--{name} must be finite and at least {smallest}, got {value}")
    for name, largest in (("moving", 1), ("quality", 100)):
        if not 0 <= (value := getattr(arguments, name)) <= largest:
            parser.error(f"--{name} must be 0..{largest}, got {value}")
    options = Options(arguments.frames, arguments.seed, arguments.shift, arguments.moving, arguments.quality)
    with one_line_errors(parser):
        num_bad = make_bursts(arguments.photographs, arguments.bursts, options, arguments.workers)
    sys.exit(1 if num_bad else 0)


if __name__ == "__main__":
    main()
