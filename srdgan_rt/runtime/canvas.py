"""A result while it is made: the same layout and depth as the picture that it is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import Pixels
from srdgan_rt.runtime.memory import free_memory
from srdgan_rt.runtime.pixels import read_colour, write_window
from srdgan_rt.tiling import Box


class Canvas:
    """The result of a picture, filled box by box.

    Args:
        picture: ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB, ``(H, W, 4)`` RGBA;
            uint8, uint16 or float32.
        height: rows of the result.
        width: columns of the result.

    Raises:
        InputError: the result does not fit into memory.

    Attributes:
        pixels: the result, ``(height, width)`` or ``(height, width, C)`` like the picture; zeros until it is
            filled.
        colour: what a network reads of the picture, ``(H, W, 1)`` or ``(H, W, 3)``. Fully transparent pixels have the
            colour of the nearest visible one.
        alpha: alpha channel of the picture, ``(H, W)``; None where it has none.
    """

    def __init__(self, picture: Pixels, height: int, width: int) -> None:
        self.pixels: Pixels = _allocate((height, width, *picture.shape[2:]), picture.dtype)
        self.colour, self.alpha = read_colour(picture)
        channels = self.pixels.reshape(height, width, -1)
        self._colour_channels = channels[..., : self.colour.shape[2]]
        self._alpha_channel = channels[..., self.colour.shape[2] :]  # (height, width, 0 or 1)

    def select_channels(self, planes: Tensor) -> Tensor:  # (3, h, w) -> (1 or 3, h, w)
        """A network's RGB result as the picture has its colours: grey is the mean of the three channels."""
        return planes.mean(0, keepdim=True) if self.colour.shape[2] == 1 else planes

    def write_colour(self, box: Box, planes: Tensor) -> None:
        """Fills the colours of a box, rounded to the picture's depth and clipped.

        Args:
            box: pixels of the result.
            planes: ``(1 or 3, box.height, box.width)``, floating point, nominally in [0, 1].
        """
        write_window(planes, self._colour_channels[box.y : box.bottom, box.x : box.right])

    def write_alpha(self, box: Box, plane: Tensor) -> None:
        """Fills the alpha of a box, rounded and clipped.

        Args:
            box: pixels of the result.
            plane: ``(box.height, box.width)`` floating point, nominally in [0, 1].
        """
        write_window(plane[None], self._alpha_channel[box.y : box.bottom, box.x : box.right])

    def fill_alpha(self, values: Pixels) -> None:
        """Sets the whole alpha channel.

        Args:
            values: one value, or ``(height, width)`` of them, in the picture's own depth.
        """
        self._alpha_channel[..., 0] = values


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    size = dtype.itemsize * math.prod(shape)
    free = free_memory(torch.device("cpu"))
    if size > free:
        raise InputError(
            f"the result of {shape[1]} x {shape[0]} pixels needs {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        )
    return np.full(shape, 0, dtype)  # written: else its memory would count as free where strips are chosen
