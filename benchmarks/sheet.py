"""Draws the same crops by several methods side by side, to compare them by eye.

    python -m benchmarks.sheet Set14/LRx4/zebra.png photo.jpg@120,80 -n bicubic -n NAME -o sheet.png

A picture is followed by the left upper corner of its crop (@X,Y), or its middle is taken. There is a column for each
method and, for pictures in a folder LRx4 beside a folder HR, one for the original.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from srdgan_rt.checkpoint import DEFAULT_MODEL
from srdgan_rt.cli.methods import open_methods
from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, convert_depth, read_picture, write_picture
from srdgan_rt.metrics import BASELINES, Method, Sample
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.runtime import open_upscaler
from training.cli.parser import CommandParser, one_line_errors

Bytes = NDArray[np.uint8]

_CONTEXT = 32  # pixels around a crop that methods see, more than the halo of the shipped models
_GAP = 6  # pixels between the crops
_STRIP = 24  # pixels of a line of text
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


@dataclass(frozen=True)
class Crop:
    """A row of the sheet.

    Args:
        name: of the picture.
        low: ``(h, w, 3)`` the crop and its context.
        top: rows of context above the crop.
        left: columns of context left of the crop.
        original: ``(4H, 4W, 3)`` of the crop alone; None where it is not known.
    """

    name: str
    low: Bytes
    top: int
    left: int
    original: Bytes | None


def read_crop(text: str, width: int, height: int) -> Crop:
    """Reads a crop as the command line names it: ``FILE`` or ``FILE@X,Y``; all in low-resolution pixels.

    Raises:
        ImageReadError: the picture cannot be read.
        InputError: the crop does not lie in the picture.
    """
    match = re.fullmatch(r"(.+?)(?:@(\d{1,6}),(\d{1,6}))?", text)
    if match is None:
        raise InputError("the name of a picture must not be empty")
    path = Path(match[1])
    picture = _read_rgb(path)
    rows, columns = picture.shape[:2]
    x, y = (columns - width) // 2, (rows - height) // 2
    if match[2] is not None:
        x, y = int(match[2]), int(match[3])
    if x < 0 or y < 0 or x + width > columns or y + height > rows:
        raise InputError(f"{path}: a crop of {width}x{height} at {x},{y} is not inside {columns}x{rows} pixels")
    top, left = max(0, y - _CONTEXT), max(0, x - _CONTEXT)
    low = picture[top : y + height + _CONTEXT, left : x + width + _CONTEXT]
    high = path.parent.parent / "HR" / path.name
    original = None
    if path.parent.name == f"LRx{SCALE}" and high.is_file():
        original = _read_rgb(high)[SCALE * y : SCALE * (y + height), SCALE * x : SCALE * (x + width)]
    return Crop(path.stem, np.ascontiguousarray(low), y - top, x - left, original)


def _read_rgb(path: Path) -> Bytes:
    """8 bits, without transparency."""
    pixels = convert_depth(read_picture(path).pixels, np.uint8)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.asarray(pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1].repeat(3, 2))


def draw_sheet(crops: Sequence[Crop], methods: Mapping[str, Method], width: int, height: int) -> Bytes:
    """Draws the sheet: a line with the names of the methods, then for each crop its name and its pictures.

    Args:
        crops: the rows.
        methods: the columns by their names.
        width: of all crops, in low-resolution pixels.
        height: likewise.

    Returns:
        ``(H, W, 3)`` RGB on white.
    """
    has_originals = any(crop.original is not None for crop in crops)
    columns = [*methods, *(["original"] if has_originals else [])]
    cell_height, cell_width = SCALE * height, SCALE * width
    rows_height, columns_width = _STRIP + cell_height, cell_width + _GAP
    sheet = np.full((_STRIP + len(crops) * rows_height, len(columns) * columns_width - _GAP, 3), 255, np.uint8)
    for column, name in enumerate(columns):
        _write(sheet, name, 0, column * columns_width, cell_width)
    for row, crop in enumerate(crops):
        top = _STRIP + row * rows_height
        _write(sheet, crop.name, top, 0, sheet.shape[1])
        for column, name in enumerate(columns):
            picture = _enlarge(crop, methods[name], width, height) if name in methods else crop.original
            if picture is not None:
                left = column * columns_width
                sheet[top + _STRIP : top + rows_height, left : left + cell_width] = picture
    return sheet


def _enlarge(crop: Crop, method: Method, width: int, height: int) -> Bytes:
    result = method(Sample(crop.low, crop.low, np.empty(0)))
    top, left = SCALE * crop.top, SCALE * crop.left
    return result[top : top + SCALE * height, left : left + SCALE * width]


def _write(sheet: Bytes, text: str, top: int, left: int, width: int) -> None:
    """Writes a line of text, smaller where it would be wider than its place."""
    wanted = cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0]
    scale = _FONT_SCALE * min(1.0, width / max(wanted, 1))
    cv2.putText(sheet, text, (left, top + _STRIP - 8), _FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)


def write_sheet(arguments: argparse.Namespace) -> None:
    """Does what the command line asks for."""
    size = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", arguments.size)
    if size is None:
        raise InputError(f"--size must be WIDTHxHEIGHT in pixels, got {arguments.size!r}")
    width, height = int(size[1]), int(size[2])
    crops = [read_crop(text, width, height) for text in arguments.crops]
    methods = open_methods(
        arguments.model or ["bicubic", DEFAULT_MODEL],
        arguments.sharpness,
        lambda model, sharpness: open_upscaler(model, sharpness=sharpness, engine=arguments.engine),
    )
    write_picture(arguments.output, Picture(draw_sheet(crops, methods, width, height)))
    print(arguments.output)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("crops", nargs="+", metavar="FILE[@X,Y]", help="pictures to enlarge, and where to crop them")
    parser.add_argument(
        "-n", "--model", action="append", help=f"name, weight file, a:0.7+b:0.3, or {', '.join(BASELINES)}; repeatable"
    )
    parser.add_argument(
        "--sharpness", action="append", type=float, default=[], help="0..1, a column for a pair of weights; repeatable"
    )
    parser.add_argument("--size", default="64x48", help="WIDTHxHEIGHT of the crops before enlarging (%(default)s)")
    parser.add_argument("--engine", default="auto", help="auto, native or torch (%(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write, such as sheet.png")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        write_sheet(arguments)


if __name__ == "__main__":
    main()
