"""Aligns the frames of a burst, to a small part of a pixel.

On a tripod, frames differ by a shift and a little rotation (a finger, the shutter, the wind), and by small local motion
(a stabilised lens, a rolling shutter). OpenCV finds the first: phase correlation finds shifts of any size, and ECC
(enhanced correlation coefficient) refines them and the rotation. The second is a least-squares shift for each tile,
which is small where a tile has little texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

TILE = 64  # pixels between the centres of tiles; a tile looks at twice as many
_ECC_PIXELS = 1_000_000  # larger frames are aligned as a whole at reduced size; the tiles do the rest
_SMOOTHING = 1.5  # standard deviation of the Gaussian before derivatives
_ROUNDS = 3
_EXPECTED = 0.07  # pixels: what is left for a tile once the whole frame is aligned
_LARGEST_RESIDUAL = 1.5  # pixels: more than that is an object that moves, not the camera


class Box(NamedTuple):
    """A rectangle of pixels; it may reach over the borders of the picture."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Motion:
    """Maps each point of the reference to where a frame shows it.

    Attributes:
        matrix: ``(2, 3)`` for points (x, y, 1): the frame as a whole.
        field: ``(GH, GW, 2)`` further (x, y) in pixels at the centres of tiles, ``TILE`` apart, the first at
            ``(TILE - 1) / 2``.
    """

    matrix: Matrix
    field: Array

    def positions(self, box: Box) -> tuple[Array, Array]:
        """Where the frame shows the pixels of a box of the reference: x and y, ``(H, W)`` each."""
        x, y = np.meshgrid(
            np.arange(box.left, box.left + box.width, dtype=np.float32),
            np.arange(box.top, box.top + box.height, dtype=np.float32),
        )
        offset = (TILE - 1) / 2
        further = cv2.remap(
            self.field, (x - offset) / TILE, (y - offset) / TILE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        (a, b, c), (d, e, f) = self.matrix
        return (
            np.asarray(a * x + b * y + c + further[..., 0], np.float32),
            np.asarray(d * x + e * y + f + further[..., 1], np.float32),
        )

    def inverse(self) -> Motion:
        """The way back, exact for the frame as a whole and to second order for the tiles."""
        return Motion(np.asarray(cv2.invertAffineTransform(self.matrix), np.float64), -self.field)

    def displacement(self, height: int, width: int) -> Matrix:
        """``(GH, GW, 2)``: by how many pixels the content at each tile's centre has moved."""
        rows, columns = (
            np.minimum(np.arange(n) * TILE + TILE // 2, side - 1) for n, side in self._sides(height, width)
        )
        x, y = np.meshgrid(columns.astype(np.float64), rows.astype(np.float64))
        points = np.stack([x, y, np.ones_like(x)], -1)
        return np.asarray(points @ self.matrix.T + self.field - points[..., :2], np.float64)

    def _sides(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.field.shape[0], height), (self.field.shape[1], width)


def stand_still(height: int, width: int) -> Motion:
    """The motion of a frame that has not moved."""
    return Motion(np.eye(2, 3), np.zeros((-(-height // TILE), -(-width // TILE), 2), np.float32))


def warp(frame: npt.NDArray[Any], motion: Motion, box: Box) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Brings a frame onto the reference's grid, by Lanczos interpolation over 8x8 pixels.

    Args:
        frame: ``(H, W)`` or ``(H, W, C)``.
        motion: from the reference to the frame.
        box: the part of the reference's grid to fill.

    Returns:
        ``(h, w[, C])`` in the frame's units, not clipped, mirrored beyond the borders; and ``(h, w)``, where the frame
        shows the place at all.
    """
    height, width = frame.shape[:2]
    x, y = motion.positions(box)
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    top, left = (int(np.clip(np.floor(p.min()) - 4, 0, side - 1)) for p, side in ((y, height), (x, width)))
    bottom, right = (int(np.clip(np.ceil(p.max()) + 5, 1, side)) for p, side in ((y, height), (x, width)))
    source = np.ascontiguousarray(frame[top : max(bottom, top + 1), left : max(right, left + 1)], np.float32)
    warped = cv2.remap(source, x - left, y - top, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.float32), inside


def slopes(picture: Array) -> tuple[Array, Array]:
    """Derivatives by x and y, per pixel: ``(H, W[, C])`` each."""
    dx, dy = (cv2.Sobel(picture, cv2.CV_32F, *axes, ksize=3, scale=1 / 8) for axes in ((1, 0), (0, 1)))
    return np.asarray(dx, np.float32), np.asarray(dy, np.float32)


def to_luma(frame: npt.NDArray[np.uint8]) -> Array:
    """``(H, W, 3)`` RGB to ``(H, W)``, 0..255."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.float32)


def find_motion(reference: Array, frame: Array) -> Motion:
    """Finds the motion from a reference to a frame of the same size.

    A motion that does not bring the frame closer to the reference is discarded: a picture without texture counts as not
    moved, and a different picture is found by its colours.

    Args:
        reference: ``(H, W)`` luma, 0..255.
        frame: same shape.
    """
    still = stand_still(*reference.shape)
    motion = _refine_tiles(reference, frame, Motion(_find_rigid(reference, frame), still.field))
    box = Box(0, 0, *reference.shape)
    smooth = _smooth(reference)

    def distance(candidate: Motion) -> float:
        warped, inside = warp(frame, candidate, box)
        return float(np.abs(_smooth(warped) - smooth)[inside].mean()) if inside.mean() > 0.5 else np.inf

    return motion if distance(motion) < distance(still) else still


def _find_rigid(reference: Array, frame: Array) -> Matrix:
    """Shift and rotation of the whole frame: a ``(2, 3)`` matrix, the identity where none can be found."""
    height, width = reference.shape
    factor = max(1, round((height * width / _ECC_PIXELS) ** 0.5))
    size = (width // factor, height // factor)
    small, moved = (
        np.asarray(
            cv2.resize(x[: size[1] * factor, : size[0] * factor], size, interpolation=cv2.INTER_AREA), np.float32
        )
        for x in (reference, frame)
    )
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(small - small.mean(), moved - moved.mean(), window)
    start = np.array([[1, 0, x], [0, 1, y]], np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
    matrix = np.eye(3)
    # A wrong peak of the phase correlation must not spoil the usual case, a frame that has hardly moved.
    best = -1.0
    for guess in (start, np.eye(2, 3, dtype=np.float32)):
        try:
            correlation, found = cv2.findTransformECC(
                small, moved, guess.copy(), cv2.MOTION_EUCLIDEAN, criteria, np.full(small.shape, 255, np.uint8), 5
            )
        except cv2.error:  # it did not converge
            continue
        if correlation > best:
            best, matrix[:2] = correlation, found
    middle = (factor - 1) / 2  # the middle of the first reduced pixel, in pixels of the frame
    scale = np.array([[factor, 0, middle], [0, factor, middle], [0, 0, 1]])
    return np.asarray((scale @ matrix @ np.linalg.inv(scale))[:2], np.float64)


def _refine_tiles(reference: Array, frame: Array, motion: Motion) -> Motion:
    """Adds to each tile the shift that makes it fit best (Lucas and Kanade), with a prior that it is small."""
    box = Box(0, 0, *reference.shape)
    smooth = _smooth(reference)
    # Smoothed samples are not independent: a window counts for as many as fit into it side by side.
    count = (2 * TILE) ** 2 / (4 * np.pi * _SMOOTHING**2)
    field = np.zeros_like(motion.field)
    for _ in range(_ROUNDS):
        warped, inside = warp(frame, Motion(motion.matrix, field), box)
        warped = _smooth(warped)
        middle = np.asarray((smooth + warped) / 2, np.float32)
        dx, dy = slopes(middle)
        dt = np.where(inside, smooth - warped, 0)
        pairs = ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt), (dt, dt))
        xx, xy, yy, xt, yt, tt = (_tile_means(a * b) for a, b in pairs)
        prior = tt / (count * _EXPECTED**2) + 1e-6
        xx, yy = xx + prior, yy + prior
        # The prior draws towards the whole frame's motion, not towards that of the round before.
        xt, yt = xt - prior * field[..., 0], yt - prior * field[..., 1]
        determinant = xx * yy - xy * xy
        step = np.stack([(yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant], -1)
        field = field + step.astype(np.float32)
        field[np.abs(field).max(-1) > _LARGEST_RESIDUAL] = 0
    if min(field.shape[:2]) >= 3:  # one tile that disagrees with all its neighbours follows an object
        field = np.stack([cv2.medianBlur(np.ascontiguousarray(field[..., axis]), 3) for axis in range(2)], -1)
    return Motion(motion.matrix, np.asarray(field, np.float32))


def _tile_means(values: Array) -> Matrix:
    """Means over windows twice as large as a tile, at the tiles' centres: ``(H, W)`` to ``(GH, GW)``."""
    means = cv2.boxFilter(values, cv2.CV_64F, (2 * TILE, 2 * TILE), borderType=cv2.BORDER_REFLECT)
    rows, columns = (np.minimum(np.arange(TILE // 2, side + TILE // 2, TILE), side - 1) for side in values.shape)
    return np.asarray(means[np.ix_(rows, columns)], np.float64)


def _smooth(luma: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), _SMOOTHING), np.float32)
