"""From the frames of one scene to its clean picture and its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import round_to_bytes
from training.bursts.align import Box, Motion, find_motion, stand_still, to_luma, warp
from training.bursts.fuse import fuse, sample_deviation, sample_noise

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

SAME_PLACE = 0.1  # pixels: frames that lie closer to the reference share its clean picture
_SMALLEST_SIDE = 64  # pixels
_LARGEST_SHIFT = 0.05  # of the shorter side: more is not a camera on a tripod
_MOST_DEVIATING = 0.5  # of the picture: a frame that differs in more shows something else


@dataclass(frozen=True)
class Frame:
    """Findings about one frame.

    Attributes:
        shift: (x, y) in pixels by which its content lies beside the reference's, median over the picture.
        largest_shift: the largest anywhere in the picture, pixels.
        deviating: part of the picture where it shows something else than the reference.
        rejected: why it was not fused; empty for a frame that was.
        unpaired: why it makes no pair; empty for a frame that does.
    """

    shift: tuple[float, float]
    largest_shift: float
    deviating: float
    rejected: str = ""
    unpaired: str = ""


@dataclass(frozen=True)
class Pair:
    """A noisy frame as it was taken and the clean picture in the same place.

    Attributes:
        index: of the frame.
        noisy: ``(H, W, 3)``.
        clean: same shape; the very same array for all frames that lie where the reference does.
    """

    index: int
    noisy: Bytes
    clean: Bytes


@dataclass(frozen=True)
class Scene:
    """A fused burst.

    Attributes:
        clean: HR_c in the reference's place, ``(H, W, 3)``, 0..255.
        reference: index of the reference.
        frames: findings for each frame.
        sparse: part of the picture that is an average of fewer than half the frames.
    """

    clean: Array
    reference: int
    frames: list[Frame]
    sparse: float
    _motions: Sequence[Motion]

    def pairs(self, frames: Sequence[Bytes]) -> Iterator[Pair]:
        """Makes the pairs one at a time, the reference's first.

        A frame is never moved, because interpolation would smooth its noise: the clean picture is moved to it, and
        both are cut where the frame shows what the reference does not.

        Args:
            frames: those of the burst.
        """
        shared = round_to_bytes(self.clean)
        yield Pair(self.reference, frames[self.reference], shared)
        for index, (frame, finding, motion) in enumerate(zip(frames, self.frames, self._motions, strict=True)):
            if index == self.reference or finding.unpaired:
                continue
            if finding.largest_shift <= SAME_PLACE:
                yield Pair(index, frame, shared)
                continue
            margin = int(np.ceil(finding.largest_shift))
            height, width = frame.shape[:2]
            moved, _ = warp(self.clean, motion.inverse(), Box(margin, margin, height - 2 * margin, width - 2 * margin))
            cut = np.ascontiguousarray(frame[margin : height - margin, margin : width - margin])
            yield Pair(index, cut, round_to_bytes(moved))


def fuse_scene(frames: Sequence[Bytes], fewest: int, most_moving: float) -> Scene:
    """Aligns and fuses a burst.

    Args:
        frames: ``(H, W, 3)`` RGB each, of one size.
        fewest: frames that must fit together.
        most_moving: part of the picture that may move, in a frame for it to make a pair, and in the burst as a whole.

    Raises:
        InputError: the pictures are too small, too few frames fit together, or too much moves.
    """
    height, width = frames[0].shape[:2]
    if min(height, width) < _SMALLEST_SIDE:
        raise InputError(f"frames must be at least {_SMALLEST_SIDE} pixels a side, got {width} x {height}")
    reference = choose_reference(frames)
    luma = to_luma(frames[reference])
    motions = [
        stand_still(height, width) if index == reference else find_motion(luma, to_luma(frame))
        for index, frame in enumerate(frames)
    ]
    deviating = sample_deviation(frames, motions, reference, sample_noise(frames, motions))
    findings = [_judge_frame(motion, height, width, part) for motion, part in zip(motions, deviating, strict=True)]
    kept = [index for index, finding in enumerate(findings) if not finding.rejected]
    if len(kept) < fewest:
        raise InputError(f"at least {fewest} frames must fit together, got {len(kept)} of {len(frames)}")
    good, good_motions = [frames[index] for index in kept], [motions[index] for index in kept]
    fusion = fuse(good, good_motions, kept.index(reference), sample_noise(good, good_motions))
    if fusion.sparse > most_moving:
        raise InputError(f"at most {most_moving:.1%} of the picture may move, got {fusion.sparse:.1%}")
    for index, part in zip(kept, fusion.deviating, strict=True):
        shift, largest = findings[index].shift, findings[index].largest_shift
        unpaired = f"{part:.1%} of the picture moves" if part > most_moving else ""
        findings[index] = Frame(shift, largest, float(part), unpaired=unpaired)
    return Scene(fusion.clean, reference, findings, fusion.sparse, motions)


def choose_reference(frames: Sequence[Bytes]) -> int:
    """The frame that is nearest to the median of all, at a quarter of the size: neither shaken nor deviant."""
    height, width = frames[0].shape[:2]
    size = (max(1, width // 4), max(1, height // 4))
    thumbnails = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    # By rows, so that a median over many large frames needs little memory.
    distances = np.zeros(len(frames))
    for row in np.moveaxis(thumbnails, 1, 0):
        distances += np.abs(row - np.median(row, 0)).sum((1, 2))
    return int(distances.argmin())


def _judge_frame(motion: Motion, height: int, width: int, deviating: float) -> Frame:
    displacement = motion.displacement(height, width)
    x, y = (float(np.median(displacement[..., axis])) for axis in range(2))
    largest = float(np.hypot(displacement[..., 0], displacement[..., 1]).max())
    reason = ""
    if deviating > _MOST_DEVIATING:
        reason = f"differs from the reference in {deviating:.0%} of the picture"
    elif largest > _LARGEST_SHIFT * min(height, width):
        reason = f"moved by {largest:.1f} pixels"
    return Frame((x, y), largest, float(deviating), rejected=reason, unpaired=reason)
