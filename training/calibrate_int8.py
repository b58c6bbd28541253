"""Measures the ranges that int8 needs: ``python -m training.calibrate_int8 -n MODEL --data DATA``.

Writes the ranges of the model's features beside its weights (``MODEL.int8.safetensors``), where
``Upscaler(MODEL, precision="int8")`` finds them. Each sharpness of a pair of weights has a file of its own. Half of the
pictures are noisy phone frames. The others are photographs that were sampled down, because these have sharp edges. The
middle of each picture is used.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from rich.console import Console

from srdgan_rt.checkpoint import load_model, ranges_path, save_ranges
from srdgan_rt.runtime.calibration import CUT, MARGIN, measure_ranges
from training.cli.options import DATA_HELP
from training.cli.parser import CommandParser, one_line_errors
from training.data.folders import check_folder
from training.data.notes import describe_files, take_notes
from training.data.typical import read_typical
from training.loop.record import read_commit
from training.publish.card import name_data


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("-n", "--model", required=True, help="shipped model or weight file")
    parser.add_argument("--sharpness", type=float, help="0..1, for a pair of weights (default: the model's own)")
    parser.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    parser.add_argument("--pictures", type=int, default=32, help="number of pictures (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="pixels a side of their crops (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="file to write (default: beside the weights)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        model = load_model(arguments.model, sharpness=arguments.sharpness)
        output: Path = arguments.output or ranges_path(arguments.model, model.sharpness)
        check_folder(output.parent)
        with take_notes() as notes:
            pictures = list(read_typical(arguments.data, arguments.pictures, arguments.size))
        used = name_data(describe_files(notes.files, arguments.data))
        with Console().status("measuring"):
            ranges = measure_ranges(model.net, pictures)
        metadata = {
            "calibration_data": f"{len(pictures)} crops of {arguments.size} pixels: {used}",
            "cut": f"{CUT:g}",
            "margin": f"{MARGIN:g}",
            "commit": read_commit(),
            "date": datetime.date.today().isoformat(),
        }
        save_ranges(output, ranges, model.net, metadata)
    print(output)


if __name__ == "__main__":
    main()
