"""Output grid: which LR pixels each sample of the result needs, for any ``outscale`` and ``roi``.

The network enlarges by a fixed factor; for any other ``outscale`` its float result is resampled, each axis by itself. A
region's result is a crop of the grid of the whole picture's result, so that the result of a crop and the crop of the
result have the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from srdgan_rt.checks import MOST_OUTSCALE, is_number
from srdgan_rt.errors import InputError

# resize_bicubic applies the same taps to whole pictures; here the picture comes in windows.
from srdgan_rt.image.resample import apply_taps, bicubic_taps
from srdgan_rt.tiling import Box


@dataclass(frozen=True)
class Axis:
    """One axis of a result.

    Args:
        length: length of the picture, in pixels.
        start: first pixel of the wanted region.
        size: length of the wanted region, in pixels.
        scale: enlargement of the network.
        outscale: enlargement of the result.
    """

    length: int
    start: int
    size: int
    scale: int
    outscale: float

    @property
    def whole(self) -> int:
        """Samples of the whole picture's result."""
        return max(1, round(self.length * self.outscale))

    @property
    def out_size(self) -> int:
        """Samples of the region's result."""
        return self.whole if self.size == self.length else min(max(1, round(self.size * self.outscale)), self.whole)

    @property
    def out_start(self) -> int:
        """First sample of the region's result, on the grid of the whole result."""
        return min(round(self.start * self.outscale), self.whole - self.out_size)

    def out_edge(self, position: int) -> int:
        """Maps a pixel edge to a sample edge of the region's result; monotone, so pieces do not overlap."""
        return (position - self.start) * self.out_size // self.size

    def is_resampled(self) -> bool:
        """Whether the network's result has to be resampled."""
        return self.whole != self.length * self.scale

    def net_taps(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Taps in the network's whole result of the samples ``first..last - 1`` of the region's result.

        Returns:
            Positions and weights, ``(last - first, taps)`` each.
        """
        indices, weights = bicubic_taps(self.length * self.scale, self.whole)
        chosen = slice(self.out_start + first, self.out_start + last)
        return indices[chosen], weights[chosen]

    def picture_taps(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """The same for taps in the picture itself, which the network has not enlarged."""
        indices, weights = bicubic_taps(self.length, self.whole)
        chosen = slice(self.out_start + first, self.out_start + last)
        return indices[chosen], weights[chosen]

    def picture_needed(self, first: int, last: int) -> tuple[int, int]:
        """``(start, size)`` of the pixels that :meth:`picture_taps` point to."""
        indices, _ = self.picture_taps(first, last)
        start = int(indices.min())
        return start, int(indices.max()) + 1 - start

    def needed(self, first: int, last: int) -> tuple[int, int]:
        """``(start, size)`` of the LR pixels that the samples ``first..last - 1`` depend on."""
        if not self.is_resampled():
            start = (self.out_start + first) // self.scale
            return start, -(-(self.out_start + last) // self.scale) - start
        indices, _ = self.net_taps(first, last)
        start = int(indices.min()) // self.scale
        return start, int(indices.max()) // self.scale + 1 - start


@dataclass(frozen=True)
class OutputGrid:
    """Both axes of a result.

    Args:
        rows: vertical axis.
        columns: horizontal axis.
    """

    rows: Axis
    columns: Axis

    @classmethod
    def plan(cls, height: int, width: int, region: Box, scale: int, outscale: float) -> OutputGrid:
        """Plans the result of a region of a picture.

        Args:
            height: rows of the picture.
            width: columns of the picture.
            region: wanted pixels, inside the picture.
            scale: enlargement of the network.
            outscale: enlargement of the result.
        """
        return cls(
            Axis(height, region.y, region.height, scale, outscale),
            Axis(width, region.x, region.width, scale, outscale),
        )

    @property
    def region(self) -> Box:
        """Wanted pixels of the picture."""
        return Box(self.columns.start, self.rows.start, self.columns.size, self.rows.size)

    @property
    def bounds(self) -> Box:
        """All samples of the region's result."""
        return Box(0, 0, self.columns.out_size, self.rows.out_size)

    @property
    def outscale(self) -> float:
        """Enlargement of the result."""
        return self.rows.outscale

    def output_box(self, piece: Box) -> Box:
        """Samples of the region's result that a piece of the region becomes; may be empty when shrinking."""
        x, y = self.columns.out_edge(piece.x), self.rows.out_edge(piece.y)
        return Box(x, y, self.columns.out_edge(piece.right) - x, self.rows.out_edge(piece.bottom) - y)

    def needed_box(self, out: Box) -> Box:
        """LR pixels that a box of samples depends on."""
        x, width = self.columns.needed(out.x, out.right)
        y, height = self.rows.needed(out.y, out.bottom)
        return Box(x, y, width, height)

    def resample(self, planes: Tensor, needed: Box, out: Box) -> Tensor:
        """Resamples the network's result of a window to a box of samples.

        Args:
            planes: ``(C, scale * h, scale * w)`` result of the network for the pixels of ``needed``.
            needed: :meth:`needed_box` of ``out``.
            out: wanted samples, not empty.

        Returns:
            ``(C, out.height, out.width)``, type and device of ``planes``.
        """
        for axis, low, size, first in (
            (self.columns, out.x, out.width, needed.x),
            (self.rows, out.y, out.height, needed.y),
        ):
            origin = first * axis.scale
            if axis.is_resampled():
                indices, weights = axis.net_taps(low, low + size)
                planes = apply_taps(planes, indices - origin, weights)
            else:
                planes = planes.narrow(-1, axis.out_start + low - origin, size)
            planes = planes.mT  # columns first, then rows, then back
        return planes

    def picture_box(self, out: Box) -> Box:
        """Pixels of the picture that :meth:`resample_picture` takes for a box of samples."""
        x, width = self.columns.picture_needed(out.x, out.right)
        y, height = self.rows.picture_needed(out.y, out.bottom)
        return Box(x, y, width, height)

    def resample_picture(self, planes: Tensor, window: Box, out: Box) -> Tensor:
        """Resamples a window of the picture itself, which no network has enlarged, with bicubic interpolation.

        Args:
            planes: ``(..., window.height, window.width)``, floating point.
            window: :meth:`picture_box` of ``out``.
            out: wanted samples, not empty.

        Returns:
            ``(..., out.height, out.width)``, not clamped; type and device of ``planes``.
        """
        indices, weights = self.rows.picture_taps(out.y, out.bottom)
        planes = apply_taps(planes.mT, indices - window.y, weights).mT
        indices, weights = self.columns.picture_taps(out.x, out.right)
        return apply_taps(planes, indices - window.x, weights)


def check_outscale(outscale: float | None, scale: int) -> float:
    """Checks the enlargement of the result; None is that of the network.

    Raises:
        InputError: it is not a number above 0, or above :data:`MOST_OUTSCALE`.
    """
    if outscale is None:
        return float(scale)
    if not is_number(outscale) or not 0 < outscale <= MOST_OUTSCALE:
        raise InputError(f"outscale must be a number above 0 and at most {MOST_OUTSCALE}, got {outscale!r}")
    return float(outscale)
