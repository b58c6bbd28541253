"""A camera model: what a phone does to a clean picture between the lens and the file.

sRGB is taken back to the sensor's linear raw values, shot and read noise are added there (variance = beta1 *
signal + beta2, as in the noise level functions measured with the SIDD data set), and the picture is developed again.
On whole pictures the raw values are mosaiced and demosaiced, so that the noise is correlated as in a real file; on
pictures that are already sampled down by the nearest neighbour this is left out, because samples four pixels apart
are nearly independent.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from srdgan_rt.errors import InputError

Array = npt.NDArray[np.float32]

# Colour matrices from linear camera RGB to linear sRGB vary by phone around this one.
# Rows sum to one, so grey stays grey.
_BASE_MATRIX = np.array([[1.75, -0.60, -0.15], [-0.25, 1.55, -0.30], [0.0, -0.55, 1.55]], dtype=np.float64)

BAYER_PATTERNS = ("rggb", "bggr", "grbg", "gbrg")
# OpenCV names a pattern by the second row's second and third pixel, hence the shifted letters.
_DEMOSAIC = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
}


@dataclass(frozen=True)
class Camera:
    """One camera at one setting.

    Attributes:
        shot: beta1, the variance of the linear raw signal in [0, 1] per unit of signal.
        read: beta2, the variance that is there in the dark.
        white_balance: gains of red and blue (green is 1).
        matrix: ``(3, 3)`` linear camera RGB to linear sRGB.
        pattern: Bayer pattern, one of ``BAYER_PATTERNS``.
    """

    shot: float
    read: float
    white_balance: tuple[float, float] = (2.0, 1.7)
    matrix: tuple[tuple[float, ...], ...] = tuple(map(tuple, _BASE_MATRIX.tolist()))
    pattern: str = "rggb"

    def __post_init__(self) -> None:
        if self.shot < 0 or self.read < 0:
            raise InputError(f"shot and read must not be negative, got {self.shot} and {self.read}")
        if self.pattern not in BAYER_PATTERNS:
            raise InputError(f"pattern must be one of {', '.join(BAYER_PATTERNS)}, got {self.pattern!r}")


def read_noise_levels(path: Path) -> npt.NDArray[np.float64]:
    """Reads measured noise level functions.

    Args:
        path: a CSV file with the columns ``beta1_g`` and ``beta2_g``.

    Returns:
        ``(K, 2)``: shot and read variance of the green channel, rows without shot noise left out.
    """
    with path.open(newline="") as file:
        rows = [(float(row["beta1_g"]), float(row["beta2_g"])) for row in csv.DictReader(file)]
    return np.array([row for row in rows if row[0] > 0])


def random_camera(rng: np.random.Generator, noise_levels: npt.NDArray[np.float64]) -> Camera:
    """Draws a camera near the measured ones: noise level, white balance, colour matrix and pattern."""
    shot, read = noise_levels[rng.integers(len(noise_levels))]
    gain = float(np.exp(rng.normal(0, 0.4)))
    strength = rng.uniform(0.3, 1.1)
    matrix = np.eye(3) + strength * (_BASE_MATRIX - np.eye(3))
    return Camera(
        shot=float(shot) * gain,
        read=abs(float(read)) * gain**2,
        white_balance=(float(rng.uniform(1.4, 2.4)), float(rng.uniform(1.3, 2.2))),
        matrix=tuple(map(tuple, matrix.tolist())),
        pattern=BAYER_PATTERNS[rng.integers(4)],
    )


def srgb_to_linear(x: Array) -> Array:
    """The sRGB transfer function backwards; ``x`` in [0, 1], any shape."""
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(x: Array) -> Array:
    """The sRGB transfer function; ``x`` clipped to [0, 1], any shape."""
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055).astype(np.float32)


def _mosaic(raw: Array, pattern: str) -> Array:
    """Keeps one colour a pixel: ``(H, W, 3)`` to ``(H, W)``."""
    out = np.empty(raw.shape[:2], np.float32)
    for index, letter in enumerate(pattern):
        y, x = divmod(index, 2)
        out[y::2, x::2] = raw[y::2, x::2, "rgb".index(letter)]
    return out


def _demosaic(mosaic: Array, pattern: str) -> Array:
    """Bilinear demosaicing by OpenCV on 16 bits: ``(H, W)`` to ``(H, W, 3)``."""
    # Headroom for noise below black and above white: clipping before the average would shift dark colours.
    code = np.clip((mosaic + 0.25) / 1.5 * 65535 + 0.5, 0, 65535).astype(np.uint16)
    return np.asarray(cv2.cvtColor(code, _DEMOSAIC[pattern]) / 65535 * 1.5 - 0.25, np.float32)


def photograph(clean: Array, camera: Camera, rng: np.random.Generator, *, mosaic: bool) -> Array:
    """Photographs a clean picture with a noisy camera.

    Args:
        clean: ``(H, W, 3)`` sRGB in [0, 1].
        camera: the camera and its noise.
        rng: source of the noise.
        mosaic: sample through the Bayer pattern and demosaic; False for pictures already sampled down.

    Returns:
        ``(H, W, 3)`` sRGB in [0, 1], float32, not rounded.
    """
    matrix = np.array(camera.matrix)
    gains = np.array([camera.white_balance[0], 1.0, camera.white_balance[1]])
    balanced = srgb_to_linear(clean) @ np.linalg.inv(matrix).T.astype(np.float32)
    raw = (balanced / gains).astype(np.float32)
    signal = _mosaic(raw, camera.pattern) if mosaic else raw
    variance = camera.shot * np.maximum(signal, 0) + camera.read
    noise = np.sqrt(variance) * rng.standard_normal(signal.shape, dtype=np.float32)
    noisy = np.minimum(signal + noise, 1.0).astype(np.float32)  # the well is full
    if mosaic:
        noisy = _demosaic(noisy, camera.pattern)
    # White balance first, clipped as cameras do, or saturated highlights turn magenta.
    developed = np.minimum(noisy * gains, np.maximum(balanced, 1.0)) @ matrix.T
    return linear_to_srgb(developed.astype(np.float32))
