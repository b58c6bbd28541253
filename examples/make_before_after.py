"""Draws the README's picture: windows of phone_chart.jpg, enlarged by bicubic and by the default model.

python -m examples.make_before_after
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from srdgan_rt.image import Picture, read_picture, resize_bicubic, write_picture
from srdgan_rt.pixels import round_to_bytes
from srdgan_rt.runtime import Upscaler

_CHART = Path(__file__).with_name("phone_chart.jpg")
_WINDOWS = ((10, 58, 120, 72), (60, 150, 120, 72), (170, 262, 120, 72), (90, 380, 120, 72))  # x, y, width, height
_OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "before_after.jpg"
_GAP = 6  # pixels between the pictures


def main() -> None:
    """Writes the picture: a row a window, before on the left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?", default=_OUTPUT, help="picture to write (default: %(default)s)")
    arguments = parser.parse_args()
    chart = read_picture(_CHART).pixels
    height, width = (4 * side for side in chart.shape[:2])
    planes = resize_bicubic(torch.from_numpy(chart).permute(2, 0, 1).float(), height, width)
    before = round_to_bytes(planes.permute(1, 2, 0).numpy())
    upscaler = Upscaler()
    rows = []
    for x, y, w, h in _WINDOWS:
        after = upscaler.upscale(chart, roi=(x, y, w, h))
        gap = np.full((4 * h, _GAP, 3), 255, np.uint8)
        rows += [np.hstack([before[4 * y : 4 * (y + h), 4 * x : 4 * (x + w)], gap, after])]
        rows += [np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_picture(arguments.output, Picture(np.vstack(rows[:-1])))


if __name__ == "__main__":
    main()
