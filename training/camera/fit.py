"""Fits the camera model to the frames of each phone.

For each phone the gains in warm and cold light, the colour matrix, the shoulder of the tone curve, the unequal response
of pixels and the exposure (which scales the measured noise levels) are those with which the camera model has the
variance over intensity and the channel correlation of the phone's frames. The level of each ISO that the frames show
then gets a factor of its own.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from srdgan_rt.camera import Phone, simulate_capture
from srdgan_rt.errors import InputError
from training.camera.noise import NamedFrame, Pool, bin_shares, load_named_frames

Values = npt.NDArray[np.float64]
Levels = dict[int, tuple[float, float]]

_SAMPLE = (32, 48)  # pixels of each frame that the model captures
_STEPS = 6
#                 log gains: warm r, b, cold r, b; matrix off the diagonal;     log: exposure, shoulder, response
_START = np.array([0.5, 0.6, 0.7, 0.4, -0.5, -0.1, -0.2, -0.3, 0.1, -0.6, -0.3, -1.5, -4.5])


def make_phone(name: str, values: Values, pattern: str, levels: Levels) -> Phone:
    """The phone that the fitted values describe; ``levels``: ISO to measured shot and read noise."""
    warm_red, warm_blue, cold_red, cold_blue = (float(value) for value in np.exp(values[:4]))
    a, b, c, d, e, f = (float(value) for value in values[4:10])
    exposure, shoulder, response = (float(value) for value in np.exp(values[10:]))
    return Phone(
        name,
        (warm_red, warm_blue),
        (cold_red, cold_blue),
        ((1 - a - b, a, b), (c, 1 - c - d, d), (e, f, 1 - e - f)),
        pattern,
        response,
        shoulder,
        {iso: (exposure * shot, exposure**2 * read) for iso, (shot, read) in levels.items()},
    )


def pool_real(frames: list[NamedFrame]) -> dict[int, Pool]:
    """The phone's own noise by ISO."""
    pools: dict[int, Pool] = defaultdict(Pool)
    for frame in frames:
        pools[frame.iso].add(frame.noisy, frame.clean)
    return pools


def pool_model(phone: Phone, frames: list[NamedFrame]) -> dict[int, Pool]:
    """The model's noise by ISO on the same clean frames, from a fixed seed."""
    pools: dict[int, Pool] = defaultdict(Pool)
    for index, frame in enumerate(frames):
        camera = phone.camera(frame.iso, frame.temperature)
        noisy = simulate_capture(frame.clean, camera, np.random.default_rng(index), mosaic=False)
        pools[frame.iso].add(noisy, frame.clean)
    return pools


def _residuals(real: dict[int, Pool], model: dict[int, Pool], knee: float) -> Values:
    """Logarithms of the ratio of variances, weighted, and differences of the correlations.

    The squares of logarithms that are larger than ``knee`` grow as their absolute values do.
    """
    parts = []
    for iso, pool in sorted(real.items()):
        share = bin_shares(pool, model[iso])
        ratio = np.log(np.maximum(model[iso].variance, 0.05) / np.maximum(pool.variance, 0.05))
        ratio /= (1 + (ratio / knee) ** 2) ** 0.25
        parts += [(np.sqrt(share / knee) * ratio).ravel(), model[iso].correlation - pool.correlation]
    return np.concatenate(parts)


def fit_phone(name: str, frames: list[NamedFrame], pattern: str, levels: Levels) -> Phone:
    """Fits the frames of one phone; the noise is drawn alike for all values, so they compare."""
    real = pool_real(frames)
    rng = np.random.default_rng(0)
    sampled = []
    for frame in frames:
        picks = rng.choice(frame.clean.shape[0] * frame.clean.shape[1], _SAMPLE[0] * _SAMPLE[1], replace=False)
        clean, noisy = (image.reshape(-1, 3)[picks].reshape(*_SAMPLE, 3) for image in (frame.clean, frame.noisy))
        sampled.append(NamedFrame(frame.name, frame.phone, frame.iso, frame.temperature, clean, noisy))

    values = _START
    for knee in (1.0, 0.1):  # from far off squares lead to the place near which absolute values, the measure, do

        def residuals(values: Values, knee: float = knee) -> Values:
            return _residuals(real, pool_model(make_phone(name, values, pattern, levels), sampled), knee)

        values = _descend(residuals, values)
    phone = make_phone(name, values, pattern, levels)
    return make_phone(name, values, pattern, _correct_levels(levels, real, pool_model(phone, sampled)))


def _descend(residuals: Callable[[Values], Values], values: Values) -> Values:
    """Levenberg-Marquardt with differences in place of slopes."""
    damping, current = 0.01, residuals(values)
    for _ in range(_STEPS):
        slopes = [(residuals(values + step) - current) / 0.03 for step in 0.03 * np.eye(len(values))]
        jacobian = np.stack(slopes, 1)
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ current
        for _ in range(6):
            damped = normal + damping * np.diag(np.diag(normal) + 1e-3)
            trial = values - np.clip(np.linalg.solve(damped, gradient), -0.4, 0.4)
            if (new := residuals(trial)) @ new < current @ current:
                values, current, damping = trial, new, damping / 3
                break
            damping *= 4
        else:
            break
    return values


def _correct_levels(levels: Levels, real: dict[int, Pool], model: dict[int, Pool]) -> Levels:
    """Multiplies the noise of each ISO by the factor (a median) by which it is still wrong."""
    corrected = dict(levels)
    for iso, pool in real.items():
        share = bin_shares(pool, model[iso])
        used = share > 0
        ratio = pool.variance[used] / model[iso].variance[used]
        order = np.argsort(ratio)
        factor = float(ratio[order][np.searchsorted(np.cumsum(share[used][order]), 0.5)])
        corrected[iso] = (levels[iso][0] * factor, levels[iso][1] * factor)
    return corrected


def read_sensors(folder: Path) -> tuple[dict[str, str], dict[str, Levels]]:
    """Bayer pattern of each phone, and its measured noise levels by ISO, from the tables in ``noise_model``."""
    try:
        with (folder / "bayer_patterns.csv").open(newline="") as file:
            patterns = {row["camera_id"]: row["bayer_pattern"] for row in csv.DictReader(file)}
        levels: dict[str, Levels] = defaultdict(dict)
        with (folder / "noise_level_functions.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                _, _, name, iso, *_ = row["scene_instance_id"].split("_")
                shot, read = float(row["beta1_g"]), float(row["beta2_g"])
                if shot > 0:
                    levels[name][int(iso)] = (shot, abs(read))
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:  # columns or values that are missing
        raise InputError(f"the tables in {folder} have another form than docs/training.md says: {error}") from error
    return patterns, levels


def calibrate(data: Path) -> dict[str, Phone]:
    """Fits the phones in ``phone_pairs/train``; InputError when one is in no table, or no frame is of use."""
    patterns, levels = read_sensors(data / "noise_model")
    frames: dict[str, list[NamedFrame]] = defaultdict(list)
    for frame in load_named_frames(data / "phone_pairs" / "train"):
        if frame.iso not in levels[frame.phone] or frame.phone not in patterns:
            raise InputError(f"{frame.name}: there is no noise level or pattern of this phone and ISO")
        frames[frame.phone].append(frame)
    if not frames:
        raise InputError(f"no frame in {data / 'phone_pairs' / 'train'} is of use: the noise of all is not white")
    return {name: fit_phone(name, frames[name], patterns[name], levels[name]) for name in sorted(frames)}
