"""What a network reads: a picture or a tensor, in windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from srdgan_rt.pixels import Pixels
from srdgan_rt.runtime.pixels import read_window, reflect_indices
from srdgan_rt.tiling import Box


@dataclass(frozen=True)
class Source:
    """A batch of pictures of one size that a network reads in windows.

    Args:
        read: ``read(box)`` gives the pixels of a window, ``(batch, 3, box.height, box.width)`` RGB, float32, nominally
            in [0, 1]. The window may reach beyond the picture, which continues mirrored there.
        height: rows of a picture.
        width: columns of a picture.
        batch: number of pictures.
    """

    read: Callable[[Box], Tensor]
    height: int
    width: int
    batch: int = 1

    @classmethod
    def from_picture(cls, colour: Pixels) -> Source:
        """The source of one picture.

        Args:
            colour: ``(H, W, 1)`` grey or ``(H, W, 3)`` RGB; uint8, uint16, or float32 in [0, 1].
        """
        return cls(lambda box: read_window(colour, box), *colour.shape[:2])

    @classmethod
    def from_tensor(cls, x: Tensor) -> Source:
        """The source of a batch.

        Args:
            x: ``(N, 3, H, W)`` RGB, floating point, in [0, 1], on any device.
        """
        batch, _, height, width = x.shape

        def read(box: Box) -> Tensor:
            rows = torch.from_numpy(reflect_indices(box.y, box.bottom, height)).to(x.device)
            columns = torch.from_numpy(reflect_indices(box.x, box.right, width)).to(x.device)
            return x.detach().index_select(2, rows).index_select(3, columns).to(torch.float32)

        return cls(read, height, width, batch)

    @property
    def bounds(self) -> Box:
        """The box of a whole picture."""
        return Box(0, 0, self.width, self.height)

    def watched(self, notify: Callable[[Box], None]) -> Source:
        """The same source, which calls ``notify(box)`` before each window is read."""

        def read(box: Box) -> Tensor:
            notify(box)
            return self.read(box)

        return replace(self, read=read)
