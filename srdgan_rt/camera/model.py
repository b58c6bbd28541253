"""A camera model: what a phone does to a clean picture between the lens and the file.

The inverse ISP turns sRGB into linear raw values, which are mosaiced. Shot and read noise are added there (variance =
shot * signal + read). Then the ISP runs: white balance, demosaicing, colour matrix, tone. Clipping at black and white
keeps the mean of the clean raw values, so fully black or white areas have no noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import simplejpeg  # type: ignore[import-untyped]

from srdgan_rt.camera.demosaic import BAYER_PATTERNS, Array, demosaic, mosaic_colours
from srdgan_rt.errors import InputError
from srdgan_rt.pixels import to_bytes, to_float32

# Linear camera RGB to linear sRGB of a usual phone. Rows sum to one, so grey stays grey.
_MATRIX = ((1.75, -0.60, -0.15), (-0.25, 1.55, -0.30), (0.0, -0.55, 1.55))
_BLOCK = 5  # what demosaicing looks at; odd, so that neighbouring samples fall on all four places of the pattern

# E[max(a - n, 0)] = a Phi(a) + phi(a): the mean distance to a limit at a of a standard normal n that is clipped there.
LIMITS = np.linspace(-4, 4, 161)
CLIPPED_MEANS = np.array([a * NormalDist().cdf(a) + NormalDist().pdf(a) for a in LIMITS])


@dataclass(frozen=True)
class Camera:
    """One camera at one setting. Raw values are 1 where green is white.

    Attributes:
        shot: beta1, the variance of the linear raw signal per unit of signal.
        read: beta2, the variance that is there in the dark.
        white_balance: gains of red and blue (green is 1).
        matrix: ``(3, 3)`` linear camera RGB to linear sRGB.
        pattern: Bayer pattern, one of ``BAYER_PATTERNS``.
        response: standard deviation of noise proportional to the signal (pixels are not equally sensitive).
        shoulder: s of the tone curve (1 + s) x / (1 + s x) that precedes the transfer function of sRGB; 0 is none.
        phone, iso: after which it is made; "" and 0 if after none.
    """

    shot: float
    read: float
    white_balance: tuple[float, float] = (2.0, 1.7)
    matrix: tuple[tuple[float, ...], ...] = _MATRIX
    pattern: str = "rggb"
    response: float = 0.0
    shoulder: float = 0.0
    phone: str = ""
    iso: int = 0

    def __post_init__(self) -> None:
        if self.shot < 0 or self.read < 0:
            raise InputError(f"shot and read must not be negative, got {self.shot} and {self.read}")
        if self.response < 0 or self.shoulder < 0:
            raise InputError(f"response and shoulder must not be negative, got {self.response} and {self.shoulder}")
        if self.pattern not in BAYER_PATTERNS:
            raise InputError(f"pattern must be one of {', '.join(BAYER_PATTERNS)}, got {self.pattern!r}")


def srgb_to_linear(x: Array) -> Array:
    """Inverse of the sRGB transfer function; ``x`` in [0, 1], any shape."""
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(x: Array) -> Array:
    """The sRGB transfer function; ``x`` clipped to [0, 1], any shape."""
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055).astype(np.float32)


def simulate_capture(
    clean: Array, camera: Camera, rng: np.random.Generator, *, mosaic: bool, quality: int | None = None
) -> Array:
    """Simulates a noisy capture of a clean picture: inverse ISP, mosaic, noise, then the camera's ISP.

    Args:
        clean: ``(H, W, 3)`` sRGB in [0, 1].
        camera: the camera and its noise.
        rng: source of the noise.
        mosaic: True for a whole picture. False for one that is already sampled down by the nearest neighbour: each
            pixel is photographed in surroundings of its own colour, so that its noise is that of a sample of the
            whole picture, over all places of the Bayer pattern alike.
        quality: compress the result as JPEG of this quality, 1..100; None does not.

    Returns:
        ``(H, W, 3)`` sRGB in [0, 1], float32, not rounded unless compressed.

    Raises:
        InputError: ``quality`` is out of range, or given for a picture that is sampled down.
    """
    if quality is not None and not (mosaic and 1 <= quality <= 100):
        raise InputError(f"quality must be 1..100, and with mosaic, got {quality} and mosaic={mosaic}")
    matrix = np.array(camera.matrix)
    toned = srgb_to_linear(clean)
    linear = toned / (1 + camera.shoulder - camera.shoulder * toned)
    balanced = (linear @ np.linalg.inv(matrix).T).astype(np.float32)
    if mosaic:
        processed = _expose(balanced, camera, rng)
    else:
        blocks = balanced.repeat(_BLOCK, 0).repeat(_BLOCK, 1)
        processed = _expose(blocks, camera, rng)[_BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK]
    linear = np.clip(processed @ matrix.T, 0, 1)
    result = linear_to_srgb((1 + camera.shoulder) * linear / (1 + camera.shoulder * linear))
    return result if quality is None else _compress(result, quality)


def _expose(balanced: Array, camera: Camera, rng: np.random.Generator) -> Array:
    """Mosaic, noise and demosaicing of white-balanced camera RGB, ``(H, W, 3)``."""
    signal = mosaic_colours(balanced, camera.pattern)
    gains = np.array([camera.white_balance[0], 1, camera.white_balance[1]], np.float32)
    gain = mosaic_colours(np.broadcast_to(gains, balanced.shape), camera.pattern)
    light = np.maximum(signal, 0)
    spread = np.sqrt(gain * camera.shot * light + gain**2 * camera.read + (camera.response * light) ** 2)
    # Raw ends at black and at white; colours outside the camera's gamut are let through as they are.
    black, white = np.minimum(signal, 0), np.maximum(signal, 1)
    exposed = signal + _clipping_bias(white - signal, spread) - _clipping_bias(signal - black, spread)
    noisy = exposed + spread * rng.standard_normal(signal.shape, dtype=np.float32)
    return demosaic(np.clip(noisy, black, white).astype(np.float32), camera.pattern)


def _clipping_bias(distance: Array, spread: Array) -> Array:
    """Offset that keeps a signal's mean unchanged when its noise is clipped at black or white.

    Args:
        distance: from the mean of the clipped signal to the limit, at least 0, ``(H, W)``.
        spread: standard deviation of the noise, ``(H, W)``.
    """
    deviations = distance / np.maximum(spread, 1e-9)
    return np.asarray(spread * np.interp(deviations, CLIPPED_MEANS, CLIPPED_MEANS - LIMITS), np.float32)


def _compress(picture: Array, quality: int) -> Array:
    code = simplejpeg.encode_jpeg(np.ascontiguousarray(to_bytes(picture)), quality, "RGB", "420")
    return to_float32(simplejpeg.decode_jpeg(code, "RGB"))
