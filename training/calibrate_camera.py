"""Fits the camera model to phones: ``python -m training.calibrate_camera --data DATA --output cameras.json``."""

from __future__ import annotations

import json
from pathlib import Path

from srdgan_rt.atomic import replace_file
from srdgan_rt.camera import Phone
from training.camera.fit import calibrate
from training.cli.parser import CommandParser, one_line_errors
from training.data.folders import check_folder


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phone_pairs/train and noise_model")
    parser.add_argument("--output", type=Path, required=True, help="library of cameras to write (JSON)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        check_folder(arguments.output.parent)
        phones = {name: _describe(phone) for name, phone in calibrate(arguments.data).items()}
        content = {"made_by": "python -m training.calibrate_camera", "phones": phones}
        with replace_file(arguments.output) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())


def _describe(phone: Phone) -> dict[str, object]:
    return {
        "pattern": phone.pattern,
        "warm": [round(value, 3) for value in phone.warm],
        "cold": [round(value, 3) for value in phone.cold],
        "matrix": [[round(value, 4) for value in row] for row in phone.matrix],
        "response": round(phone.response, 4),
        "shoulder": round(phone.shoulder, 3),
        "noise": {str(iso): [float(f"{value:.4g}") for value in pair] for iso, pair in sorted(phone.noise.items())},
    }


if __name__ == "__main__":
    main()
