"""Whole frames: what a camera makes of a picture with its mosaic, so that neighbouring pixels share their noise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from srdgan_rt.camera import Camera, photograph, random_camera

Array = npt.NDArray[np.float32]

FRAME_ZOOM = (0.6, 1.5)  # how much larger a camera takes its frames than they are shown
JPEG_ODDS = 2 / 3  # that a frame is compressed
JPEG_QUALITIES = (70, 99)  # of its frames; the last one is never taken


def photograph_whole(clean: Array, rng: np.random.Generator) -> Array:
    """Makes of a clean picture a whole frame of a random camera: with the noise that demosaicing spreads.

    Half of the frames are taken at another size and brought to this one, as digital zoom and messengers do, so that
    noise is spread over more pixels or fewer; two of three are compressed as JPEG.

    Args:
        clean: ``(H, W, 3)`` in [0, 1], at least 16 pixels a side.
        rng: draws the camera, its noise and the rest.

    Returns:
        ``(H, W, 3)`` in [0, 1], not rounded, sample for sample in the place of ``clean``.
    """
    height, width = clean.shape[:2]
    zoom = draw_zoom(rng) if rng.random() < 0.5 else 1.0
    frame = _resize(clean, round(height * zoom), round(width * zoom))
    # The grid of JPEG's blocks may lie anywhere.
    top, left = (int(shift) for shift in rng.integers(16, size=2))
    padded = cv2.copyMakeBorder(frame, top, 0, left, 0, cv2.BORDER_REFLECT_101)
    camera = noisy_camera(rng)
    quality = int(rng.integers(*JPEG_QUALITIES)) if rng.random() < JPEG_ODDS else None
    noisy = photograph(np.asarray(padded, np.float32), camera, rng, mosaic=True, quality=quality)
    return _resize(noisy[top:, left:], height, width)


def noisy_camera(rng: np.random.Generator) -> Camera:
    """The noisier of two random cameras: noise is where the work is."""
    return max((random_camera(rng) for _ in range(2)), key=lambda camera: camera.shot)


def draw_zoom(rng: np.random.Generator) -> float:
    """A factor of FRAME_ZOOM, its logarithm evenly distributed."""
    return float(np.exp(rng.uniform(*np.log(FRAME_ZOOM))))


def _resize(image: Array, height: int, width: int) -> Array:
    """A picture ``(H, W, 3)`` in [0, 1] at another size."""
    filter_ = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.clip(np.asarray(cv2.resize(image, (width, height), interpolation=filter_), np.float32), 0, 1)
