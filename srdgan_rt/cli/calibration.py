"""``--calibrate``: pictures on which ranges for int8 and fp8 are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import crop_centre

if TYPE_CHECKING:
    from torch import Tensor

_SIDE = 256  # pixels a side of the middle of a picture
_QUANTIZED = ("int8", "fp8")


def check_calibration(precision: str, pictures: Sequence[str] | None) -> None:
    """Checks that there are pictures where they are needed, and only there.

    Raises:
        InputError: there are none, or nothing needs them.
    """
    if precision in _QUANTIZED and not pictures:
        raise InputError(f"--precision {precision} needs --calibrate PICTURE")
    if pictures and precision not in _QUANTIZED:
        raise InputError(f"--calibrate is for {' and '.join(_QUANTIZED)}, got --precision {precision}")


def read_calibration(inputs: Sequence[str]) -> Iterator[Tensor]:
    """The middle of each picture, (1, 3, h, w) float32 RGB in [0, 1]; transparency is ignored."""
    import numpy as np
    import torch

    from srdgan_rt.image import convert_depth, find_pictures, read_picture

    for found in find_pictures(inputs):
        if found.error is not None:
            raise found.error
        if not found.is_picture:
            continue
        pixels = read_picture(found.path).pixels
        middle = convert_depth(crop_centre(pixels, _SIDE), np.float32)
        num_colours = 1 if middle.ndim == 2 or middle.shape[2] < 3 else 3
        planes = middle.reshape(*middle.shape[:2], -1)[..., :num_colours].transpose(2, 0, 1)
        yield torch.from_numpy(np.ascontiguousarray(planes)).expand(1, 3, -1, -1)
