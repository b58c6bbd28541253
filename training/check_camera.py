"""Compares the camera model with the phones: ``python -m training.check_camera --data DATA``."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from srdgan_rt.camera import read_library
from srdgan_rt.errors import SrdganError
from training.calibrate_camera import pool_model, pool_real
from training.camera_noise import NamedFrame, load_named_frames, variance_error


def check(folder: Path, library: Path | None = None) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Measures the model on frames.

    Args:
        folder: pairs whose names say phone and ISO.
        library: the cameras; None is the shipped ones.

    Returns:
        For each phone and ISO the error of the variance (see :func:`variance_error`) and the channel correlation,
        mean of the three pairs, of the phone and of the model.
    """
    frames: dict[str, list[NamedFrame]] = defaultdict(list)
    for frame in load_named_frames(folder):
        frames[frame.phone].append(frame)
    phones = read_library(library)
    result = {}
    for name in sorted(frames.keys() & phones.keys()):
        known = [frame for frame in frames[name] if frame.iso in phones[name].noise]
        real, model = pool_real(known), pool_model(phones[name], known)
        for iso in sorted(real):
            correlations = float(real[iso].correlation.mean()), float(model[iso].correlation.mean())
            result[name, iso] = (variance_error(real[iso], model[iso]), *correlations)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds phone_pairs/train and phone_pairs/test")
    parser.add_argument("--library", type=Path, help="a file of training.calibrate_camera (default: the shipped one)")
    arguments = parser.parse_args()
    for split in ("train", "test"):
        try:
            rows = check(arguments.data / "phone_pairs" / split, arguments.library)
        except SrdganError as error:
            parser.error(str(error))
        print(f"phone_pairs/{split}\nphone    ISO  variance  channels: phone  model")
        for (name, iso), (error_, real, model) in rows.items():
            print(f"{name:5} {iso:6} {100 * error_:7.1f} %  {real:+15.2f} {model:+6.2f}")


if __name__ == "__main__":
    main()
