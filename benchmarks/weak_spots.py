"""Scores models where they are known to be weak: ``python -m benchmarks.weak_spots --data DATA -n MODEL``.

Noise without colour, grey files, patterns at the limit of resolution, flat and dark fields, saturated colours, the
mesh and the mean of noisy flats, and the noise that phones leave in their JPEGs. What each row means is said beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.command import run_benchmark
from srdgan_rt.camera.model import linear_to_srgb, srgb_to_linear
from srdgan_rt.cli.methods import open_upscalers
from srdgan_rt.errors import InputError
from srdgan_rt.metrics import luma, open_pairs, psnr
from srdgan_rt.metrics.mesh import measure_mesh
from srdgan_rt.metrics.protocol import SCALE, average_blocks
from srdgan_rt.pixels import crop_centre, round_to_bytes
from srdgan_rt.runtime import open_upscaler
from training.cli.parser import CommandParser
from training.data.pictures import read_rgb

Picture = npt.NDArray[Any]
Upscale = Callable[[Picture], Picture]

_SIDE = 192  # pixels of the middle of photographs that are used
_BORDER = 8  # pixels that are not scored
_FLAT_SHARE = 0.1  # of a phone's JPEG: its flattest blocks


def _inner(picture: Picture) -> Picture:
    return picture[_BORDER:-_BORDER, _BORDER:-_BORDER]


def _full_luma(picture: Picture) -> npt.NDArray[np.float64]:
    """BT.601's luma in 0..255, ``(H, W)``."""
    return np.asarray(picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def score_noise(upscale: Upscale, crops: Path) -> dict[str, float]:
    """PSNR of Y of the block means against the clean picture, dB, means over phone crops at full resolution."""
    scores: dict[str, list[float]] = {}
    for read in open_pairs(crops)[1].values():
        clean, noisy = (crop_centre(picture, _SIDE) for picture in read())
        grey_noise = _full_luma(noisy) - _full_luma(clean)
        grey_clean, grey_noisy = round_to_bytes(_full_luma(clean)), round_to_bytes(_full_luma(noisy))
        cases = {
            "noise as it is": (clean, noisy),
            "luma noise alone": (clean, round_to_bytes(clean + grey_noise[..., None])),
            "R = G = B": (grey_clean[..., None].repeat(3, 2), grey_noisy[..., None].repeat(3, 2)),
            "grey file": (grey_clean, grey_noisy),
        }
        for name, (reference, low) in cases.items():
            planes = [_inner(average_blocks(upscale(low))), _inner(reference)]
            planes = [luma(plane) if plane.ndim == 3 else plane for plane in planes]
            scores.setdefault(name, []).append(psnr(*planes))
    return {f"{name} (dB)": float(np.mean(values)) for name, values in scores.items()}


def score_patterns(upscale: Upscale) -> dict[str, float]:
    """Largest shift of the mean of any channel over 16x16 small pixels, 1/255."""
    y, x = np.mgrid[:64, :64]
    checks = 2.0 * ((y + x) % 2) - 1
    stripes = 2.0 * (x % 2) - 1
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
    dither = np.tile(255.0 * (bayer < 8), (16, 16))
    cases = {
        "checks of +-110": 128 + 110 * checks,
        "checks of +-30": 128 + 30 * checks,
        "stripes of +-110": 128 + 110 * stripes,
        "ordered dither": dither,
    }
    return {
        f"{name} (1/255)": _mean_shift(upscale, round_to_bytes(np.repeat(plane[..., None], 3, 2)))
        for name, plane in cases.items()
    }


def _mean_shift(upscale: Upscale, low: Picture) -> float:
    change = _inner(average_blocks(upscale(low)) - low)
    return float(np.abs(change.reshape(change.shape[0] // 16, 16, change.shape[1] // 16, 16, -1).mean((1, 3))).max())


def score_flats(upscale: Upscale) -> dict[str, float]:
    """Largest shift of the mean of flat fields: of 16 bits in 1/65535, of the gamut's corners in 1/255."""
    levels = [0, 1, 4, 16, 64, 115, 257, 514, 1285, 4112, 16448, 32896, 49344, 61680, 65278, 65535]
    dark, light = 0.0, 0.0
    for level in levels:
        shift = _flat_shift(upscale, np.full((32, 32, 3), level, np.uint16))
        dark, light = (max(dark, shift), light) if level <= 1285 else (dark, max(light, shift))
    corners = [np.array([(corner >> bit) & 1 for bit in range(3)], np.uint8) * 255 for corner in range(1, 7)]
    colours = max(_flat_shift(upscale, np.tile(colour, (32, 32, 1))) for colour in corners)
    return {"dark flats (1/65535)": dark, "other flats (1/65535)": light, "saturated colours (1/255)": colours}


def _flat_shift(upscale: Upscale, low: Picture) -> float:
    return float(np.abs(_inner(average_blocks(upscale(low))).mean((0, 1)) - low[0, 0]).max())


def score_mesh(upscale: Upscale) -> dict[str, float]:
    """The mesh on noisy flats, peak to peak in 1/255; the largest of four levels."""
    scores = {}
    for strength in (4, 10):
        meshes = [measure_mesh(upscale(low), SCALE) for low in _noisy_flats(strength)]
        scores[f"mesh, noise of {strength} (1/255)"] = max((m for m in meshes if m is not None), default=float("nan"))
    return scores


def _noisy_flats(strength: float) -> Iterator[Picture]:
    rng = np.random.default_rng(0)
    for level in (25, 60, 120, 200):
        noise = rng.normal(0, strength, (64, 64, 3)) + rng.normal(0, strength / 2, (64, 64, 1))
        yield round_to_bytes(level + noise)


def score_noisy_means(upscale: Upscale) -> dict[str, float]:
    """Largest shift of the mean of flat fields under a sensor's noise from their true level, 1/255.

    The noise is added in linear light, where a sensor's noise has a mean of zero. The tone curve is concave: the mean
    of the noisy picture is darker than the true level, and a net must make up for this.
    """
    scores = {}
    for strength in (10, 25):
        shifts = {"input": 0.0, "result": 0.0}
        for level in (60, 90, 120, 160, 200):
            low = _sensor_noise(level, strength)
            for name, picture in (("input", low), ("result", average_blocks(upscale(low)))):
                shifts[name] = max(shifts[name], float(np.abs(_inner(picture).mean((0, 1)) - level).max()))
        scores |= {
            f"mean of flats, sensor noise of {strength}: {name} (1/255)": shift for name, shift in shifts.items()
        }
    return scores


def _sensor_noise(level: float, strength: float) -> Picture:
    """A flat field, ``(128, 128, 3)``, under white noise in linear light, which has that strength in sRGB, 1/255."""
    below, true, above = srgb_to_linear(np.array([level - 1, level, level + 1]) / 255)
    noise = np.random.default_rng(0).normal(0, strength * (above - below) / 2, (128, 128, 3))
    return round_to_bytes(255 * linear_to_srgb(np.clip(true + noise, 0, 1)))


def score_phone_jpeg(upscale: Upscale, folder: Path) -> dict[str, float]:
    """The part of a phone's residual noise that is left in the flattest blocks of its JPEGs."""
    parts = []
    for path in sorted(folder.glob("*.png")):
        low = crop_centre(read_rgb(path), _SIDE)
        before, after = (_inner(_block_spread(_full_luma(p))) for p in (low, average_blocks(upscale(low))))
        flat = before <= np.quantile(before[before > 0.3], _FLAT_SHARE)
        flat &= before > 0.3  # what is clipped or quite without noise says nothing
        parts.append(float(np.sqrt((after[flat] ** 2).mean() / (before[flat] ** 2).mean())))
    return {"noise left of phone JPEGs": float(np.mean(parts))}


def _block_spread(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``(H, W)`` to the spread of its 8x8 blocks, each seen as differences of neighbours, for each pixel."""
    fine = np.zeros_like(plane)
    fine[1:-1, 1:-1] = plane[1:-1, 1:-1] - (plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]) / 4
    height, width = (side // 8 for side in plane.shape)
    blocks = fine[: height * 8, : width * 8].reshape(height, 8, width, 8).std((1, 3))
    return np.asarray(blocks.repeat(8, 0).repeat(8, 1))


def score(upscale: Upscale, data: Path) -> dict[str, float]:
    """Every row for one model; those whose data are missing are left out."""
    scores: dict[str, float] = {}
    if (data / "phone_crops").is_dir():
        scores |= score_noise(upscale, data / "phone_crops")
    scores |= score_patterns(upscale) | score_flats(upscale) | score_mesh(upscale) | score_noisy_means(upscale)
    if (data / "phone_jpeg").is_dir():
        scores |= score_phone_jpeg(upscale, data / "phone_jpeg")
    return scores


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each weak spot, a column for each model."""
    if not arguments.data.is_dir():
        raise InputError(f"there is no folder {arguments.data}")
    open_one = partial(open_upscaler, engine=arguments.engine, precision="fp32")
    upscalers = open_upscalers(arguments.model, arguments.sharpness, open_one)
    columns = {one.name: score(one.upscale, arguments.data) for opened in upscalers.values() for one in opened}
    print("| |" + "|".join(f" {name} " for name in columns) + "|")
    print("|---|" + "---:|" * len(columns))
    for name in next(iter(columns.values())):
        print(f"| {name} | " + " | ".join(f"{scores[name]:.2f}" for scores in columns.values()) + " |")


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phone_crops and phone_jpeg, if there")
    parser.add_argument("-n", "--model", action="append", required=True, help="name or weight file; may be repeated")
    parser.add_argument(
        "--sharpness", action="append", type=float, default=[], help="0..1, a column for a pair of weights; repeatable"
    )
    parser.add_argument("--engine", default="auto", help="auto, native or torch (%(default)s)")
    run_benchmark(parser, print_table)


if __name__ == "__main__":
    main()
