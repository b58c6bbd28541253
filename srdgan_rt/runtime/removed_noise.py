"""The noise that the network has removed, so that a part of it can be put back."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from srdgan_rt.runtime.grid import OutputGrid
from srdgan_rt.tiling import Box


class RemovedNoise:
    """What the picture differs by from the network's result in the size of the picture.

    Both are compared on the picture's own pixels: the network's result is sampled down to them by bicubic
    interpolation with antialiasing, as for ``outscale=1``. So with all noise put back, the result for ``outscale=1`` is
    the picture itself. On a clean picture the difference is not noise but detail that the network lost.

    Args:
        read: ``read(box)`` gives pixels of the picture, ``(1 or 3, box.height, box.width)``, float32 in [0, 1].
        grid: the region, and the samples of its result.
    """

    def __init__(self, read: Callable[[Box], Tensor], grid: OutputGrid) -> None:
        self._read = read
        self._grid = grid
        height, width = grid.rows.length, grid.columns.length
        self._picture_grid = OutputGrid.plan(height, width, Box(0, 0, width, height), grid.rows.scale, 1.0)

    def needed_box(self, out: Box) -> Box:
        """LR pixels whose results are needed for the noise in a box of samples."""
        return self._picture_grid.needed_box(self._grid.picture_box(out))

    def resample(self, planes: Tensor, needed: Box, out: Box) -> Tensor:
        """The removed noise in a box of samples of the result.

        Args:
            planes: ``(1 or 3, scale * h, scale * w)`` result of the network for the pixels of ``needed``, clamped.
            needed: contains :meth:`needed_box` of ``out``.
            out: wanted samples, not empty.

        Returns:
            ``(1 or 3, out.height, out.width)``, type and device of ``planes``.
        """
        window = self._grid.picture_box(out)
        denoised = self._picture_grid.resample(planes, needed, window)
        noise = self._read(window).to(denoised.device) - denoised
        return self._grid.resample_picture(noise, window, out)
