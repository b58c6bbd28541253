"""Between pictures as users hold them and tensors as networks take them: checks, depth, borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.tiling import Box

Pixels = npt.NDArray[Any]

# The value of white for each type of pixels.
_WHITE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


def check_picture(image: object) -> Pixels:
    """Checks a picture's layout, type and values.

    Args:
        image: ``(H, W)``, or ``(H, W, C)`` with 1 to 4 channels; uint8, uint16, or float32 in [0, 1].

    Returns:
        The same picture, in the byte order of this machine.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(image, np.ndarray):
        raise InputError(f"image must be a numpy array, got {type(image).__name__}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 2, 3, 4)):
        raise InputError(f"image must be (H, W) or (H, W, C) with 1 to 4 channels, got shape {image.shape}")
    if image.shape[0] < 1 or image.shape[1] < 1:
        raise InputError(f"image must have at least one pixel, got shape {image.shape}")
    if image.dtype.name not in _WHITE:
        raise InputError(f"image must be uint8, uint16 or float32, got {image.dtype}")
    if image.dtype.kind == "f":
        low, high = float(image.min()), float(image.max())
        if not (low >= 0 and high <= 1):  # so that NaN, which compares as false, ends here too
            raise InputError(f"float pixels must be finite and lie in [0, 1], got {low:g} to {high:g}")
    return image.astype(image.dtype.newbyteorder("="), copy=False)


def split_alpha(picture: Pixels) -> tuple[Pixels, Pixels | None]:
    """Colour ``(H, W, 1 or 3)`` and alpha ``(H, W)``, where there is one; both are views."""
    if picture.ndim == 2:
        return picture[..., None], None
    if picture.shape[2] in (2, 4):
        return picture[..., :-1], picture[..., -1]
    return picture, None


def reflect_indices(start: int, stop: int, length: int) -> npt.NDArray[np.intp]:
    """Source positions of ``start..stop - 1`` on an axis that goes on mirrored beyond both of its ends.

    The edge pixel is not repeated; an axis of one pixel is. Works for any distance from the axis.
    """
    period = max(2 * (length - 1), 1)
    positions = np.arange(start, stop, dtype=np.intp) % period
    return np.minimum(positions, period - positions) if length > 1 else positions


def read_window(colour: Pixels, box: Box) -> Tensor:
    """Cuts a window out of a picture for a network; beyond the border the picture goes on mirrored.

    Args:
        colour: ``(H, W, 1)`` or ``(H, W, 3)``, of any depth.
        box: window, which may reach beyond the picture.

    Returns:
        ``(1, 3, h, w)`` float32 in [0, 1]; grey as three equal channels.
    """
    rows = reflect_indices(box.y, box.bottom, colour.shape[0])
    columns = reflect_indices(box.x, box.right, colour.shape[1])
    window = colour[np.ix_(rows, columns)].astype(np.float32)
    planes = torch.from_numpy(window).permute(2, 0, 1)[None] / _WHITE[colour.dtype.name]
    return planes.expand(1, 3, -1, -1)


def write_window(planes: Tensor, out: Pixels) -> None:
    """Rounds planes to a picture's depth and stores them, clipped, never wrapped around.

    Args:
        planes: ``(C, h, w)`` floating point, nominally in [0, 1].
        out: ``(h, w, C)``, of any depth; overwritten.
    """
    planes = planes.clamp(0, 1).permute(1, 2, 0)
    if out.dtype.kind != "f":
        planes = (planes * _WHITE[out.dtype.name]).round_().to(torch.int32)
    out[...] = planes.cpu().numpy()


def is_opaque(alpha: Pixels) -> bool:
    """Whether an alpha channel is white everywhere."""
    return bool(alpha.min() == _WHITE[alpha.dtype.name])


def to_unit(pixels: Pixels) -> Tensor:
    """``(H, W)`` pixels of any depth as float64 in [0, 1]: exact, and sums of weights stay exactly one."""
    return torch.from_numpy(pixels.astype(np.float64)) / _WHITE[pixels.dtype.name]
