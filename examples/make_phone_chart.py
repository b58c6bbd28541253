"""Draws phone_chart.jpg: a test chart as a phone held upright captures it in poor light.

    python -m examples.make_phone_chart examples/phone_chart.jpg [--clean chart.png]

The chart is drawn four times larger, captured by the project's camera model (mosaic, shot and read noise,
demosaicing), sampled by the nearest neighbour as in the paper's training pairs, and stored sideways with an EXIF
orientation, as phones do. The camera model has changed since phone_chart.jpg was made: a new chart looks
alike, with other noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from srdgan_rt.camera import Camera, simulate_capture
from srdgan_rt.image import take_samples
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.pixels import to_bytes
from training.data.pictures import as_array, as_tensor

Canvas = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 360, 480  # of the photograph; the drawing is SCALE times larger
_OVERSAMPLING = 2  # the drawing is made larger still and averaged, so that its edges are smooth
_INK, _PAPER = (34, 34, 38), (214, 210, 200)
_MIDTONES = 0.62  # a dim room
_CAMERA = Camera(shot=0.009, read=2e-4, white_balance=(2.1, 1.6), pattern="bggr")

# EXIF tags by number: make, model, orientation, software, date, exposure, ISO, focal length
_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _DATE = 0x010F, 0x0110, 0x0112, 0x0131, 0x0132
_EXIF_IFD, _EXPOSURE, _ISO, _DATE_TAKEN, _FOCAL_LENGTH = 0x8769, 0x829A, 0x8827, 0x9003, 0x920A
_STORED_SIDEWAYS = 6  # turn by 90 degrees clockwise to look at it


def _draw_text(canvas: Canvas, unit: int) -> None:
    lines = [
        ("SRDGAN", 1.6, 3),
        ("low light, ISO 1600", 0.62, 1),
        ("the quick brown fox jumps over 0123456789", 0.34, 1),
    ]
    y = 10
    for text, size, weight in lines:
        y += round(26 * size) + 4
        position = (12 * unit, y * unit)
        cv2.putText(canvas, text, position, cv2.FONT_HERSHEY_DUPLEX, size * unit, _INK, weight * unit, cv2.LINE_AA)


def _draw_star(canvas: Canvas, centre: tuple[int, int], radius: int, spokes: int) -> None:
    angles = np.linspace(0, 2 * np.pi, 2 * spokes + 1)
    for first, second in zip(angles[::2], angles[1::2], strict=False):
        corners = [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in (first, second)]
        cv2.fillPoly(canvas, [np.rint([centre, *corners]).astype(np.int32)], _INK)


def _draw_lines(canvas: Canvas, left: int, top: int, unit: int) -> None:
    """Groups of five bars, from 5 to 1 photograph pixels a bar, upright and lying."""
    for period in (5, 3, 2, 1.5, 1):
        bar = round(period * unit)
        for index in range(5):
            x, y = left + 2 * index * bar, top + 2 * index * bar
            cv2.rectangle(canvas, (x, top), (x + bar - 1, top + 30 * unit), _INK, -1)
            cv2.rectangle(canvas, (left, y + 36 * unit), (left + 9 * bar, y + 36 * unit + bar - 1), _INK, -1)
        left += 9 * bar + 8 * unit


def _draw_leaves(canvas: Canvas, rng: np.random.Generator, unit: int) -> None:
    """Dead leaves: discs that hide each other, with the size statistics of natural scenes."""
    height, width = canvas.shape[:2]
    for _ in range(9000):
        radius = round(unit * min(26.0, 1.0 / np.sqrt(rng.uniform(1 / 26**2, 1.0))))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = np.clip(rng.normal((120, 128, 96), (50, 42, 46)), 8, 247)
        cv2.circle(canvas, centre, max(radius, 1), colour.tolist(), -1, cv2.LINE_AA)


def _draw_patches(canvas: Canvas, left: int, top: int, unit: int) -> None:
    """Twelve hues, then a grey staircase from black to white."""
    for index in range(12):
        hue = np.array([[[15 * index, 150 + 90 * (index % 2), 210 - 60 * (index % 3)]]], np.uint8)
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
        x, y = left + index % 6 * 26 * unit, top + index // 6 * 26 * unit
        cv2.rectangle(canvas, (x, y), (x + 24 * unit, y + 24 * unit), colour, -1)
    for index in range(10):
        x = left + round(index * 15.4 * unit)
        level = round(255 * index / 9)
        cv2.rectangle(canvas, (x, top + 54 * unit), (x + 15 * unit, top + 78 * unit), (level,) * 3, -1)


def draw_chart() -> npt.NDArray[np.float32]:
    """The clean chart, ``(4 * HEIGHT, 4 * WIDTH, 3)`` sRGB in [0, 1]."""
    rng = np.random.default_rng(7)
    unit = SCALE * _OVERSAMPLING
    canvas: Canvas = np.full((HEIGHT * unit, WIDTH * unit, 3), _PAPER, np.uint8)
    _draw_text(canvas, unit)
    _draw_star(canvas, (84 * unit, 186 * unit), 68 * unit, 36)
    _draw_lines(canvas, 170 * unit, 122 * unit, unit)
    _draw_patches(canvas, 182 * unit, 262 * unit, unit)
    cv2.line(canvas, (170 * unit, 240 * unit), (348 * unit, 252 * unit), _INK, unit // 2, cv2.LINE_AA)
    _draw_leaves(canvas[356 * unit : 468 * unit, 12 * unit : 348 * unit], rng, unit)
    cv2.putText(
        canvas, "texture", (14 * unit, 346 * unit), cv2.FONT_HERSHEY_SIMPLEX, 0.5 * unit, _INK, unit, cv2.LINE_AA
    )
    size = (WIDTH * SCALE, HEIGHT * SCALE)
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) / 255 * _MIDTONES, np.float32)


def main() -> None:
    """Writes the photograph, and the clean chart if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the photograph (JPEG)")
    parser.add_argument("--clean", type=Path, help="where the clean chart goes, at four times the size")
    arguments = parser.parse_args()
    chart = draw_chart()
    noisy = take_samples(simulate_capture(chart, _CAMERA, np.random.default_rng(11), mosaic=True), SCALE)
    exif = Image.Exif()
    exif.update({_MAKE: "srdgan_rt", _MODEL: "camera model", _ORIENTATION: _STORED_SIDEWAYS, _SOFTWARE: "srdgan_rt"})
    exif[_DATE] = "2026:11:23 21:00:00"
    exif.get_ifd(_EXIF_IFD).update({_EXPOSURE: (1, 15), _ISO: 1600, _DATE_TAKEN: exif[_DATE], _FOCAL_LENGTH: (42, 10)})
    sideways = np.ascontiguousarray(np.rot90(to_bytes(noisy)))
    Image.fromarray(sideways).save(arguments.output, quality=95, subsampling=0, exif=exif, dpi=(72, 72))
    if arguments.clean:
        clean = np.clip(as_array(shift_half_pixel(as_tensor(chart))), 0, 1)
        Image.fromarray(to_bytes(clean)).save(arguments.clean)


if __name__ == "__main__":
    main()
