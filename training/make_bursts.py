"""Makes bursts from clean photographs with the camera model: ``python -m training.make_bursts PHOTOS BURSTS``.

For each photograph BURSTS gets a folder with the frames that a phone on a tripod takes of it, to be read by
``training.make_pairs``; beside the folder ``SCENE_truth.png``, the first frame without noise, and ``SCENE.json``, which
says how the frames were taken and is written last. A scene whose record is there is skipped. A photograph that cannot
be read is a line on stderr, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from srdgan_rt.camera import photograph, random_camera
from srdgan_rt.errors import SrdganError
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.image.atomic import replace_file
from training.data import Array, find_photographs, read_rgb


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


def take_burst(clean: Array, options: Options, rng: np.random.Generator) -> tuple[list[Array], Array, dict[str, Any]]:
    """Takes the frames of one scene.

    Args:
        clean: ``(H, W, 3)`` sRGB in [0, 1].
        options: how.
        rng: draws camera, shifts, object and noise.

    Returns:
        The frames and the truth, ``(H, W, 3)`` in [0, 1] each, and the record: camera, shifts, moving frames.
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
        frames.append(photograph(scene, camera, rng, mosaic=True))
    truth = photograph(clean, replace(camera, shot=0, read=0, response=0), rng, mosaic=True)
    record = {
        "camera": asdict(camera),
        "shifts": np.round(shifts, 3).tolist(),
        "moving": np.flatnonzero(is_moving).tolist(),
    }
    return frames, truth, record


def _move(clean: Array, shift: Any) -> Array:
    """Moves the content by ``shift`` (x, y) pixels."""
    height, width = clean.shape[:2]
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(clean, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(moved, 0, 1), np.float32)


def _is_done(record: Path, options: Options) -> bool:
    try:
        return bool(json.loads(record.read_text(encoding="utf-8"))["options"] == asdict(options))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def make_scene(path: Path, out: Path, options: Options) -> str:
    """Makes the burst of one photograph, unless it is there; returns an error, or nothing."""
    cv2.setNumThreads(1)  # the processes share the cores
    record_path = out / f"{path.stem}.json"
    if _is_done(record_path, options):
        return ""
    try:
        clean = np.asarray(read_rgb(path) / np.float32(255), np.float32)
        folder = out / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():  # of a run that was killed, or had other options
            old.unlink()
        rng = np.random.default_rng((options.seed, zlib.crc32(path.name.encode())))
        frames, truth, record = take_burst(clean, options, rng)
        for index, frame in enumerate(frames):
            name = f"{index:02d}.{'jpg' if options.quality else 'png'}"
            write_picture(folder / name, _picture(frame), quality=options.quality or 95)
        write_picture(out / f"{path.stem}_truth.png", _picture(truth))
        with replace_file(record_path) as file:
            content = {"photograph": path.name, "options": asdict(options), **record}
            file.write((json.dumps(content, indent=1) + "\n").encode())
    except (SrdganError, OSError, cv2.error) as error:
        return f"{path}: {error}"
    return ""


def _picture(frame: Array) -> Picture:
    return Picture(np.rint(frame * 255).astype(np.uint8))


def make_bursts(photographs: Path, out: Path, options: Options, workers: int) -> int:
    """Makes or completes the bursts of a folder of photographs.

    Returns:
        The number of photographs that could not be used.

    Raises:
        InputError: there are no photographs.
    """
    paths = find_photographs(photographs)
    one = partial(make_scene, out=out, options=options)
    if workers == 1:
        errors = [error for error in map(one, paths) if error]
    else:
        with ProcessPoolExecutor(workers) as pool:
            errors = [error for error in pool.map(one, paths) if error]
    for error in errors:
        print(error, file=sys.stderr)
    return len(errors)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, metavar="PHOTOS", help="folder of clean photographs")
    parser.add_argument("bursts", type=Path, metavar="BURSTS", help="folder for the bursts; completed if it is there")
    parser.add_argument("--frames", type=int, default=20, help="frames a burst (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shift", type=float, default=0.5, help="standard deviation of shifts, pixels (%(default)s)")
    parser.add_argument("--moving", type=float, default=0.0, help="part of the frames with an object (%(default)s)")
    parser.add_argument("--quality", type=int, default=95, help="of the JPEG files; 0 makes PNG files (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    arguments = parser.parse_args()
    if arguments.frames < 1 or arguments.workers < 1 or arguments.seed < 0:
        parser.error("--frames and --workers must be at least 1, --seed at least 0")
    if arguments.shift < 0 or not 0 <= arguments.moving <= 1 or not 0 <= arguments.quality <= 100:
        parser.error("--shift must be at least 0, --moving 0..1, --quality 0..100")
    options = Options(arguments.frames, arguments.seed, arguments.shift, arguments.moving, arguments.quality)
    try:
        num_bad = make_bursts(arguments.photographs, arguments.bursts, options, arguments.workers)
    except SrdganError as error:
        parser.error(str(error))
    sys.exit(1 if num_bad else 0)


if __name__ == "__main__":
    main()
