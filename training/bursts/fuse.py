"""Fuses a burst: averages its frames, each only where it shows the same as the reference.

A frame is compared with the reference over small squares of two sizes. It counts in full if noise explains the
difference. Where an object moves, fewer frames are averaged, in the worst case the reference alone: some noise stays
there, but no ghost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.bursts.align import Box, Motion, slopes, warp
from training.bursts.noise import BOXES, NoiseCurve, measure_noise_curve

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_FULL, _NOTHING = 3.5, 4.5  # standard deviations up to which a frame counts in full, and from which not at all
_ALIGNMENT = 0.1  # pixels by which a frame may be misplaced without losing weight
_MARGIN = max(BOXES) // 2 + 1
_BLOCK = 512  # pixels a side that are fused at a time
_PATCH = 48
_PATCHES = 8  # a side of the grid of samples


@dataclass(frozen=True)
class Fusion:
    """A fused burst.

    Attributes:
        clean: ``(H, W, 3)``, 0..255, not rounded.
        deviating: ``(N,)`` part of the picture where each frame shows something else than the reference.
        sparse: part of the picture that is an average of fewer than half the frames.
    """

    clean: Array
    deviating: npt.NDArray[np.float64]
    sparse: float


class ReferenceBlock:
    """One part of the reference, with which frames are compared.

    Args:
        noise: of the burst.
        reference: ``(H, W, 3)``, 0..255.
        inside: ``(H, W)``, where the reference shows the place at all.
    """

    def __init__(self, noise: NoiseCurve, reference: Array, inside: Mask) -> None:
        self._reference = reference
        self._inside = inside
        self._scales = []
        for index, box in enumerate(BOXES):
            smooth = _blur(reference, box)
            dx, dy = slopes(smooth)
            variance = 2 * noise.variance(index, smooth) + _ALIGNMENT**2 * (dx**2 + dy**2)
            self._scales.append((box, 1 / np.sqrt(variance)))

    def weigh(self, aligned: Array, inside: Mask) -> Array:
        """The weight of a frame at each pixel: ``(H, W, 3)`` and ``(H, W)`` to ``(H, W)``, 0..1."""
        # Pixels beyond a border are unknown, and must not lower the weight of those within.
        difference = np.where((inside & self._inside)[..., None], aligned - self._reference, np.float32(0))
        worst = np.zeros(aligned.shape[:2], np.float32)
        for box, scale in self._scales:
            worst = np.maximum(worst, (np.abs(_blur(difference, box)) * scale).max(-1))
        return np.asarray(np.clip((_NOTHING - worst) / (_NOTHING - _FULL), 0, 1), np.float32)


def sample_noise(frames: Sequence[Bytes], motions: Sequence[Motion]) -> NoiseCurve:
    """Measures the noise of a burst on a grid of small patches."""
    boxes = _sample_boxes(*frames[0].shape[:2])
    patches = [
        np.stack([warp(frame, motion, box)[0] for frame, motion in zip(frames, motions, strict=True)]) for box in boxes
    ]
    return measure_noise_curve(patches)


def sample_deviation(
    frames: Sequence[Bytes], motions: Sequence[Motion], reference: int, noise: NoiseCurve
) -> npt.NDArray[np.float64]:
    """Part of the same patches where each frame shows something else than the reference: ``(N,)``."""
    deviating = np.zeros(len(frames))
    boxes = _sample_boxes(*frames[0].shape[:2])
    for box in boxes:
        block = ReferenceBlock(noise, *warp(frames[reference], motions[reference], box))
        for index, (frame, motion) in enumerate(zip(frames, motions, strict=True)):
            aligned, inside = warp(frame, motion, box)
            deviating[index] += float(((block.weigh(aligned, inside) == 0) | ~inside).mean())
    return deviating / len(boxes)


def fuse(frames: Sequence[Bytes], motions: Sequence[Motion], reference: int, noise: NoiseCurve) -> Fusion:
    """Fuses a burst into a clean picture of what its reference frame shows.

    Args:
        frames: ``(H, W, 3)`` RGB each, of one size.
        motions: from the reference to each frame.
        reference: index of the frame whose place and whose moving objects the result shows.
        noise: see :func:`sample_noise`.
    """
    height, width = frames[0].shape[:2]
    clean = np.empty((height, width, 3), np.float32)
    deviating, sparse = np.zeros(len(frames)), 0
    inner = np.s_[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    for box in _blocks(height, width):
        # The margin is mirrored at the borders by `warp`, and cut off again.
        wide = Box(box.top - _MARGIN, box.left - _MARGIN, box.height + 2 * _MARGIN, box.width + 2 * _MARGIN)
        block = ReferenceBlock(noise, *warp(frames[reference], motions[reference], wide))
        total = np.zeros((box.height, box.width, 3), np.float32)
        weights = np.zeros((box.height, box.width), np.float32)
        for index, (frame, motion) in enumerate(zip(frames, motions, strict=True)):
            aligned, inside = warp(frame, motion, wide)
            weight = block.weigh(aligned, inside)
            deviating[index] += np.count_nonzero(((weight == 0) & inside)[inner])
            weight = (weight * inside)[inner]
            total += weight[..., None] * aligned[inner]
            weights += weight
        clean[box.top : box.top + box.height, box.left : box.left + box.width] = total / weights[..., None]
        sparse += np.count_nonzero(weights < len(frames) / 2)
    return Fusion(np.clip(clean, 0, 255), deviating / (height * width), sparse / (height * width))


def _blocks(height: int, width: int) -> Iterator[Box]:
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            yield Box(top, left, min(_BLOCK, height - top), min(_BLOCK, width - left))


def _sample_boxes(height: int, width: int) -> list[Box]:
    """Patches spread evenly over a picture."""
    sides = (min(_PATCH, height), min(_PATCH, width))
    tops, lefts = (
        np.unique(np.linspace(0, full - part, min(_PATCHES, -(-full // part))).astype(int))
        for full, part in zip((height, width), sides, strict=True)
    )
    return [Box(int(top), int(left), *sides) for top in tops for left in lefts]


def _blur(picture: Array, box: int) -> Array:
    return np.asarray(cv2.blur(picture, (box, box)), np.float32)
