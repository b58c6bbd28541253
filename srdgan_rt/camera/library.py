"""Phones whose ISP was measured: cameras.json, written by ``python -m training.calibrate_camera``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from srdgan_rt.camera.demosaic import BAYER_PATTERNS
from srdgan_rt.camera.model import Camera

WARM, COLD = 3200, 5500  # kelvin: the lights for which gains are kept; in between they go with the reciprocal


@dataclass(frozen=True)
class Phone:
    """ISP parameters and noise of one phone.

    Attributes:
        name: of the phone.
        warm: gains of red and blue in light of 3200 K.
        cold: gains of red and blue in light of 5500 K.
        matrix, pattern, response, shoulder: as in :class:`Camera`.
        noise: ISO to shot and read noise as in :class:`Camera`.
    """

    name: str
    warm: tuple[float, float]
    cold: tuple[float, float]
    matrix: tuple[tuple[float, ...], ...]
    pattern: str
    response: float
    shoulder: float
    noise: dict[int, tuple[float, float]]

    def camera(self, iso: int, temperature: float) -> Camera:
        """The camera at an ISO of ``noise`` (KeyError otherwise), in light of a colour temperature in kelvin."""
        warmth = (1 / temperature - 1 / COLD) / (1 / WARM - 1 / COLD)
        red, blue = (float(c * (w / c) ** warmth) for w, c in zip(self.warm, self.cold, strict=True))
        shot, read = self.noise[iso]
        return Camera(shot, read, (red, blue), self.matrix, self.pattern, self.response, self.shoulder, self.name, iso)


@lru_cache
def read_library(path: Path | None = None) -> dict[str, Phone]:
    """The measured phones by name.

    Args:
        path: a file written by ``training.calibrate_camera``; None is the shipped one.
    """
    path = path or Path(__file__).with_name("cameras.json")
    phones = json.loads(path.read_text(encoding="utf-8"))["phones"]
    return {
        name: Phone(
            name,
            (values["warm"][0], values["warm"][1]),
            (values["cold"][0], values["cold"][1]),
            tuple(map(tuple, values["matrix"])),
            values["pattern"],
            values["response"],
            values["shoulder"],
            {int(iso): (shot, read) for iso, (shot, read) in values["noise"].items()},
        )
        for name, values in phones.items()
    }


def random_camera(rng: np.random.Generator) -> Camera:
    """Draws a camera near the measured ones.

    Args:
        rng: what draws.

    Returns:
        A phone of the library at one of its ISOs in light of 3200 to 5500 K, its noise, gains and pattern varied.
    """
    phones = list(read_library().values())
    phone = phones[rng.integers(len(phones))]
    iso = list(phone.noise)[rng.integers(len(phone.noise))]
    camera = phone.camera(iso, 1 / rng.uniform(1 / COLD, 1 / WARM))
    gain = float(np.exp(rng.normal(0, 0.3)))
    red, blue = (float(value * np.exp(rng.normal(0, 0.08))) for value in camera.white_balance)
    return replace(
        camera,
        shot=camera.shot * gain,
        read=camera.read * gain**2,
        white_balance=(red, blue),
        pattern=BAYER_PATTERNS[rng.integers(4)],
    )
