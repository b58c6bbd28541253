"""Measures what mirrored padding does at the edges of pictures, to choose a model's ``border_padding``.

    python -m benchmarks.borders DATA_SET... -n MODEL [--padding 0 4 8 16]

For each padding: the largest error on flat pictures of 0, 128 and 255, edges included, in 1/255; and the PSNR of RGB
within 16 pixels of the edge, mean over the pictures of each data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from srdgan_rt.metrics import DataSet, open_data_set
from srdgan_rt.runtime import Upscaler
from training.cli.parser import CommandParser, one_line_errors

_EDGE = 16  # high-resolution pixels
_FLAT_SIDE = 40  # low-resolution pixels


def measure_flat(upscaler: Upscaler) -> float:
    """The largest error on flat pictures, in 1/255, before rounding."""
    errors = []
    for value in (0, 128, 255):
        flat = np.full((_FLAT_SIDE, _FLAT_SIDE, 3), value / 255, np.float32)
        errors.append(255 * float(np.abs(upscaler.upscale(flat) - value / 255).max()))
    return max(errors)


def measure_edges(upscaler: Upscaler, data_set: DataSet) -> float:
    """PSNR (dB) near the edge, mean over the pictures."""
    values = []
    for read in data_set.samples.values():
        sample = read()
        difference = upscaler.upscale(sample.low) - sample.reference
        edge: npt.NDArray[np.bool_] = np.ones(difference.shape, bool)
        edge[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
        values.append(10 * np.log10(255**2 / np.mean(np.square(difference[edge]))))
    return float(np.mean(values))


def print_table(model: str, paddings: Sequence[int], folders: Sequence[Path]) -> None:
    """A row for each padding."""
    data_sets = [open_data_set(folder) for folder in folders]
    upscalers = {padding: Upscaler(model, border_padding=padding) for padding in paddings}
    print("| padding | flat, 1/255 | " + " | ".join(f"{data_set.name}, dB" for data_set in data_sets) + " |")
    print("|---" * (2 + len(data_sets)) + "|")
    for padding, upscaler in upscalers.items():
        cells = [f"{measure_flat(upscaler):.2f}", *(f"{measure_edges(upscaler, one):.2f}" for one in data_sets)]
        print(f"| {padding} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="data sets, in a form that srdgan-rt evaluate accepts")
    parser.add_argument("-n", "--model", required=True, help="name or path")
    parser.add_argument("--padding", type=int, nargs="+", default=[0, 4, 8, 16])
    arguments = parser.parse_args()
    with one_line_errors(parser):
        print_table(arguments.model, arguments.padding, arguments.folders)


if __name__ == "__main__":
    main()
