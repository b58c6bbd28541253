"""Turns bursts into the paper's I_pair (section 3.1): ``python -m training.make_pairs BURSTS OUT``.

BURSTS holds one folder a scene with the frames of a camera on a tripod, typically 20. OUT gets ``train/``, ``val/`` and
``test/`` with ``SCENE_NN_clean.png`` and ``SCENE_NN_noisy.png`` for each frame, and ``manifest.json``. Scenes that are
done are skipped, and keep their pairs where their frames are gone since. One that cannot be used is a line on stderr,
and the exit status is 1.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from srdgan_rt.errors import ImageWriteError, InputError, SrdganError
from srdgan_rt.image import Metadata, Picture, write_picture
from srdgan_rt.metrics import measure_noise
from training.bursts.manifest import Manifest, Record
from training.bursts.read import Bytes, find_frames, find_scenes, read_burst
from training.bursts.scene import Frame, Scene, fuse_scene
from training.bursts.split import assign_splits
from training.cli.parser import CommandParser, name_failure, one_line_errors
from training.loop.lock import hold_folder

_NOISE_SIDE = 1024  # pixels: the noise is reported for the middle of the reference


def count_gone(done: Record, paths: list[Path]) -> int:
    """How many frames of a finished scene, by its record, are not among those that are there now."""
    there = {path.name for path in paths}
    return sum(frame["file"] not in there for frame in done["frames"])


def describe_source(paths: list[Path], fewest: int, most_moving: float) -> Record:
    """Everything that determines a scene's result. A scene is skipped if its record has the same.

    Raises:
        InputError: there are fewer than ``fewest`` frames.
    """
    if len(paths) < fewest:
        raise InputError(f"a burst must have at least {fewest} frames, got {len(paths)}")
    return {
        "files": [[path.name, path.stat().st_size] for path in paths],
        "min_frames": fewest,
        "max_moving": most_moving,
    }


def make_scene(folder: Path, out: Path, split: str, source: Record) -> Record:
    """Fuses one scene and writes its pairs.

    Args:
        folder: holds the frames.
        out: the data set.
        split: the subfolder of ``out`` for the pairs.
        source: see :func:`describe_source`.

    Returns:
        The scene's entry in the manifest.
    """
    burst = read_burst([folder / name for name, _ in source["files"]])
    scene = fuse_scene(burst.frames, source["min_frames"], source["max_moving"])
    metadata = Metadata(None, burst.icc, None, None)  # no EXIF, which may hold the place of the photograph
    written: dict[int, dict[str, str]] = {}
    shared: tuple[Path, Bytes] | None = None
    for pair in scene.pairs(burst.frames):
        stem = f"{split}/{folder.name}_{pair.index:02d}"
        names = {"noisy": f"{stem}_noisy.png", "clean": f"{stem}_clean.png"}
        write_picture(out / names["noisy"], Picture(pair.noisy, metadata))
        if shared is not None and pair.clean is shared[1]:
            _link(shared[0], out / names["clean"])
        else:
            write_picture(out / names["clean"], Picture(pair.clean, metadata))
        if shared is None:  # the reference comes first
            shared = out / names["clean"], pair.clean
        written[pair.index] = names
    return {
        "split": split,
        "source": source,
        "size": list(scene.clean.shape[1::-1]),
        "reference": source["files"][scene.reference][0],
        "sparse": round(scene.sparse, 5),
        "noise": _describe_noise(burst.frames[scene.reference], scene),
        "frames": [
            _describe_frame(name, frame, written.get(index, {"noisy": "", "clean": ""}))
            for index, ((name, _), frame) in enumerate(zip(source["files"], scene.frames, strict=True))
        ],
    }


def _link(source: Path, target: Path) -> None:
    """Hard-links the clean picture, so that it takes space once; copies it where links are not possible."""
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        try:
            os.link(source, temporary)
        except OSError:  # FAT, some network file systems
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise ImageWriteError(f"{target}: cannot be written: {error.strerror}") from error


def _describe_frame(name: str, frame: Frame, names: dict[str, str]) -> Record:
    return {
        "file": name,
        "shift": [round(value, 3) for value in frame.shift],
        "largest_shift": round(frame.largest_shift, 3),
        "deviating": round(frame.deviating, 5),
        "rejected": frame.rejected,
        "unpaired": frame.unpaired,
        **names,
    }


def _describe_noise(noisy: Bytes, scene: Scene) -> Record:
    top, left = (max(0, (side - _NOISE_SIDE) // 2) for side in noisy.shape[:2])
    middle = np.s_[top : top + _NOISE_SIDE, left : left + _NOISE_SIDE]
    statistics = measure_noise(noisy[middle] / 255, scene.clean[middle] / np.float64(255))
    # The reference is part of its own clean picture, which takes 1/N of the variance away.
    fused = sum(not frame.rejected for frame in scene.frames)
    sigma = np.sqrt(statistics.variance * fused / (fused - 1)) * 255
    return {
        "intensity": [round(float(value), 4) for value in statistics.intensity],
        "sigma": [round(float(value), 3) for value in sigma],
        "autocorrelation": [round(value, 3) for value in statistics.autocorrelation],
    }


def make_pairs(bursts: Path, out: Path, fewest: int, most_moving: float) -> int:
    """Makes or completes a data set.

    Args:
        bursts: one subfolder a scene.
        out: the data set.
        fewest: frames that a scene must have.
        most_moving: part of the picture that may move.

    Returns:
        The number of scenes that could not be used.

    Raises:
        SrdganError: there are no scenes, nothing can be written, or another process is writing there.
    """
    folders = find_scenes(bursts)
    manifest = Manifest(out)
    with hold_folder(out):
        known = {name: record["split"] for name, record in manifest.scenes.items()}
        splits = assign_splits([folder.name for folder in folders], known)
        num_bad = 0
        for number, folder in enumerate(folders, 1):
            name = folder.name
            done = manifest.scenes.get(name)
            try:
                paths = find_frames(folder)
                if done is not None and len(paths) < fewest and (gone := count_gone(done, paths)):
                    kept = f"{gone} of its {len(done['frames'])} frames are gone, its finished pairs are kept"
                    print(f"{name}: {kept}", file=sys.stderr, flush=True)
                    continue
                source = describe_source(paths, fewest, most_moving)
                if done is not None and done["source"] == source:
                    continue
                manifest.discard(name)
                record = make_scene(folder, out, splits[name], source)
                manifest.add(name, record)
            except (SrdganError, OSError) as error:  # one bad scene must not stop the others
                removed = "" if done is None else "; its pairs of an earlier run are removed"
                print(f"{name_failure(name, error)}{removed}", file=sys.stderr, flush=True)
                manifest.discard(name)
                num_bad += 1
                continue
            pairs = sum(bool(frame["noisy"]) for frame in record["frames"])
            print(
                f"{number}/{len(folders)} {name}: {pairs} pairs of {len(record['frames'])} frames, {splits[name]}",
                flush=True,
            )
        manifest.write()
    return num_bad


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("bursts", type=Path, metavar="BURSTS", help="folder with one subfolder of frames a scene")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the pairs; completed if it is there")
    parser.add_argument(
        "--min-frames", type=int, default=10, help="scenes with fewer frames that fit are left out (%(default)s)"
    )
    parser.add_argument(
        "--max-moving", type=float, default=0.01, help="part of the picture that may move (%(default)s)"
    )
    arguments = parser.parse_args()
    if arguments.min_frames < 3:
        parser.error(f"--min-frames must be at least 3, got {arguments.min_frames}")
    if not 0 <= arguments.max_moving <= 1:
        parser.error(f"--max-moving must be 0..1, got {arguments.max_moving}")
    with one_line_errors(parser):
        num_bad = make_pairs(arguments.bursts, arguments.out, arguments.min_frames, arguments.max_moving)
    sys.exit(1 if num_bad else 0)


if __name__ == "__main__":
    main()
