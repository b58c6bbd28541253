"""Output grid: which input pixels each output pixel of an ``outscale`` and ``roi`` needs.

The net enlarges by a fixed factor; any other ``outscale`` is resampled from its float result. Both axes work alike and
apart from each other. A region's result is cut out of the grid of the whole picture's result, so that a crop of the
whole and the result of the crop have the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from torch import Tensor

from srdgan_rt.errors import InputError

# The taps of one axis are what resize_bicubic applies; a picture that comes in windows needs them by themselves.
from srdgan_rt.image.resample import bicubic_taps
from srdgan_rt.tiling import Box


@dataclass(frozen=True)
class Axis:
    """One axis of a result.

    Args:
        length: pixels of the picture.
        start: first pixel of the wanted region.
        size: pixels of the wanted region.
        scale: what the net enlarges by.
        outscale: what the user wants it to be enlarged by.
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
        """Where the region's result begins on the whole's grid."""
        return min(round(self.start * self.outscale), self.whole - self.out_size)

    def out_edge(self, position: int) -> int:
        """Pixel edge -> sample edge within the region's result; monotone, so tiles neither overlap nor leave gaps."""
        return (position - self.start) * self.out_size // self.size

    def is_resampled(self) -> bool:
        """Whether the result differs from what the net gives."""
        return self.whole != self.length * self.scale

    def net_taps(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Positions in the whole net result, and weights, of the samples ``first..last - 1`` of the region's result."""
        indices, weights = bicubic_taps(self.length * self.scale, self.whole)
        chosen = slice(self.out_start + first, self.out_start + last)
        return indices[chosen], weights[chosen]

    def picture_taps(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """The same for samples taken from the picture itself, without the net."""
        indices, weights = bicubic_taps(self.length, self.whole)
        chosen = slice(self.out_start + first, self.out_start + last)
        return indices[chosen], weights[chosen]

    def needed(self, first: int, last: int) -> tuple[int, int]:
        """``(start, size)`` of the pixels whose net results the samples ``first..last - 1`` are made of."""
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
            scale: what the net enlarges by.
            outscale: what the user wants it to be enlarged by.
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
        """What the user wants the picture to be enlarged by."""
        return self.rows.outscale

    def output_box(self, piece: Box) -> Box:
        """Samples of the region's result that a piece of the region becomes; may be empty when shrinking."""
        x, y = self.columns.out_edge(piece.x), self.rows.out_edge(piece.y)
        return Box(x, y, self.columns.out_edge(piece.right) - x, self.rows.out_edge(piece.bottom) - y)

    def needed_box(self, out: Box) -> Box:
        """Pixels whose net results a box of samples is made of."""
        x, width = self.columns.needed(out.x, out.right)
        y, height = self.rows.needed(out.y, out.bottom)
        return Box(x, y, width, height)

    def resample(self, planes: Tensor, needed: Box, out: Box) -> Tensor:
        """Turns the net's result of a window into a box of samples.

        Args:
            planes: ``(C, scale * h, scale * w)`` result of the net for the pixels of ``needed``.
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
                planes = _weigh(planes, indices - origin, weights)
            else:
                planes = planes.narrow(-1, axis.out_start + low - origin, size)
            planes = planes.mT  # columns first, then rows, then back
        return planes

    def resample_picture(self, plane: Tensor, out: Box) -> Tensor:
        """Bicubic enlargement of a plane of the picture itself (alpha, which no net has seen).

        Args:
            plane: ``(H, W)`` of the whole picture, floating point.
            out: wanted samples, not empty.

        Returns:
            ``(out.height, out.width)``, not clamped.
        """
        indices, weights = self.rows.picture_taps(out.y, out.bottom)
        low, high = int(indices.min()), int(indices.max()) + 1
        plane = _weigh(plane[low:high].mT, indices - low, weights).mT
        return _weigh(plane, *self.columns.picture_taps(out.x, out.right))


def _weigh(x: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums along the last axis: ``(..., W) -> (..., len(indices))``."""
    indices, weights = indices.to(x.device), weights.to(x.device, x.dtype)
    result = x[..., indices[:, 0]] * weights[:, 0]
    for tap in range(1, indices.shape[1]):
        result += x[..., indices[:, tap]] * weights[:, tap]
    return result


def check_outscale(outscale: float | None, scale: int) -> float:
    """The factor that a user asked for; None stands for the net's own.

    Raises:
        InputError: it is not a positive number.
    """
    if outscale is None:
        return float(scale)
    if isinstance(outscale, bool) or not isinstance(outscale, Real) or not 0 < outscale < float("inf"):
        raise InputError(f"outscale must be a positive number, got {outscale!r}")
    return float(outscale)


def check_roi(roi: tuple[int, int, int, int] | None, height: int, width: int) -> Box:
    """The wanted region of a picture; None stands for all of it.

    Raises:
        InputError: it is not four whole numbers, is empty, or does not lie inside the picture.
    """
    picture = Box(0, 0, width, height)
    if roi is None:
        return picture
    try:
        x, y, w, h = (int(value) for value in roi if value == int(value))
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"roi must be four whole numbers (x, y, width, height), got {roi!r}") from None
    box = Box(x, y, w, h)
    if w < 1 or h < 1 or box.clip(picture) != box:
        raise InputError(f"roi must be a box inside the picture of {width} x {height} pixels, got {tuple(box)}")
    return box
