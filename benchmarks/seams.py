"""Measures the seam error of tiling over the halo, and draws the curve.

    python -m benchmarks.seams PICTURE... -n MODEL [--tile 64] [--halo 0 4 8 ...] [--plot docs/design/seams.svg]

The seam error is the largest difference at any pixel and colour, in 1/255, between a picture enlarged in tiles and the
same picture enlarged whole, both before rounding.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.command import run_benchmark
from srdgan_rt.errors import InputError, install_hint
from srdgan_rt.pixels import crop_centre, to_float32
from srdgan_rt.runtime import Upscaler
from training.cli.parser import CommandParser
from training.data.pictures import read_rgb
from training.plot import save_figure

_LARGEST_SIDE = 192  # low-resolution pixels: the middle of larger pictures is taken


def _read_middle(path: Path) -> npt.NDArray[np.float32]:
    """The middle of a picture as ``(H, W, 3)`` in [0, 1]."""
    return to_float32(crop_centre(read_rgb(path), _LARGEST_SIDE))


def measure_seams(model: str, pictures: list[Path], tile: int, halos: list[int]) -> dict[int, float]:
    """The largest seam error over all pictures for each halo, in 1/255."""
    images = [_read_middle(path) for path in pictures]
    whole = Upscaler(model, engine="torch", tile=0)
    references = [whole.upscale(image) for image in images]
    errors = {}
    for halo in halos:
        tiled = Upscaler(model, engine="torch", tile=tile, halo=halo)
        pairs = zip(images, references, strict=True)
        errors[halo] = max(255 * float(np.abs(tiled.upscale(image) - reference).max()) for image, reference in pairs)
    return errors


def plot(curves: dict[str, dict[int, float]], path: Path) -> None:
    """Draws one curve a model on a logarithmic axis; raises InputError where matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt  # only the plot needs it
    except ImportError as error:
        raise InputError(f"the curve is drawn by matplotlib: {install_hint('report')}") from error
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for name, errors in curves.items():
        axes.semilogy(list(errors), [max(error, 1e-4) for error in errors.values()], marker="o", label=name)
    axes.axhline(1, color="grey", linestyle="--", linewidth=1)
    axes.set_xlabel("halo, low-resolution pixels")
    axes.set_ylabel("largest seam error, 1/255")
    axes.legend()
    save_figure(figure, path)


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each halo, and the curve."""
    curves = {name: measure_seams(name, arguments.pictures, arguments.tile, arguments.halo) for name in arguments.model}
    print("| halo | " + " | ".join(curves) + " |")
    print("|---|" + "---|" * len(curves))
    for halo in arguments.halo:
        print(f"| {halo} | " + " | ".join(f"{errors[halo]:.3f}" for errors in curves.values()) + " |")
    if arguments.plot:
        plot(curves, arguments.plot)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("-n", "--model", action="append", required=True, help="name or path; may be repeated")
    parser.add_argument("--tile", type=int, default=64)
    parser.add_argument("--halo", type=int, nargs="+", default=[0, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64])
    parser.add_argument("--plot", type=Path)
    run_benchmark(parser, print_table)


if __name__ == "__main__":
    main()
