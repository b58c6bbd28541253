"""Compares the camera model with the phones: ``python -m training.check_camera --data DATA``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srdgan_rt.camera import read_library
from training.camera.fit import pool_model, pool_real
from training.camera.noise import NamedFrame, load_named_frames, sampling_error, variance_error
from training.cli.parser import CommandParser, one_line_errors


@dataclass(frozen=True)
class Row:
    """Errors of the model on the frames of one phone and ISO.

    Attributes:
        phone, iso, frames: how many frames of what.
        error: of the variance, see :func:`variance_error`.
        sampling_error: what ``error`` would be for a perfect model, from the number of samples alone.
        correlation: of the channels, mean of the three pairs, of the phone.
        model_correlation: that of the model.
    """

    phone: str
    iso: int
    frames: int
    error: float
    sampling_error: float
    correlation: float
    model_correlation: float


def check(frames: list[NamedFrame], library: Path | None = None) -> Iterator[Row]:
    """Measures the model on the frames whose phone and ISO are in a library; None is the shipped one."""
    groups: dict[tuple[str, int], list[NamedFrame]] = defaultdict(list)
    for frame in frames:
        groups[frame.phone, frame.iso].append(frame)
    phones = read_library(library)
    for (name, iso), group in sorted(groups.items()):
        if name in phones and iso in phones[name].noise:
            real, model = pool_real(group)[iso], pool_model(phones[name], group)[iso]
            yield Row(
                name,
                iso,
                len(group),
                variance_error(real, model),
                sampling_error(real, model),
                float(real.correlation.mean()),
                float(model.correlation.mean()),
            )


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phone_pairs/train and phone_pairs/test")
    parser.add_argument("--library", type=Path, help="a file of training.calibrate_camera (default: the shipped one)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        for split in ("train", "test"):
            _print(arguments.data / "phone_pairs" / split, arguments.library)


def _print(folder: Path, library: Path | None) -> None:
    frames = load_named_frames(folder)
    print(f"phone_pairs/{folder.name}\nphone    ISO frames  variance  (sampling)  channels: phone  model", flush=True)
    for row in check(frames, library):
        shares = f"{100 * row.error:7.1f} %  {100 * row.sampling_error:8.1f} %"
        correlations = f"{row.correlation:+15.2f} {row.model_correlation:+6.2f}"
        print(f"{row.phone:5} {row.iso:6} {row.frames:6} {shares}  {correlations}", flush=True)


if __name__ == "__main__":
    main()
