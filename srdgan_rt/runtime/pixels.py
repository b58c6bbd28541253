"""Between pictures as users hold them and tensors as networks take them: checks, depth, borders."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.image.alpha import bleed_colour
from srdgan_rt.pixels import Pixels, white_level
from srdgan_rt.tiling import Box

_ROUNDING = 1e-3  # how far samples may lie beyond [0, 1]: the rounding errors of what made them
_TENSOR_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def check_batch(x: Tensor) -> Tensor:
    """Checks a batch of tensors as users pass it.

    Args:
        x: ``(N, 3, H, W)`` RGB, float16, bfloat16, float32 or float64, in [0, 1], dense, on any device.

    Returns:
        ``x``.

    Raises:
        InputError: it is of the wrong type or shape, not finite, or beyond [0, 1] by more than a thousandth.
    """
    if not isinstance(x, Tensor) or x.dtype not in _TENSOR_TYPES:
        kind = getattr(x, "dtype", type(x).__name__)
        raise InputError(f"x must be a tensor of float16, bfloat16, float32 or float64, got {kind}")
    if x.layout != torch.strided or x.is_meta or x.is_nested:
        raise InputError("x must be a dense tensor with values, got a sparse, nested or meta tensor")
    if x.ndim != 4 or x.shape[1] != 3 or 0 in x.shape:
        raise InputError(f"x must be (N, 3, H, W) and not empty, got shape {tuple(x.shape)}")
    low, high = (float(value) for value in x.detach().aminmax())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # so that NaN, which compares as false, ends here too
        raise InputError(f"x must be finite and lie in [0, 1], got {low:g} to {high:g}")
    return x


def read_colour(picture: Pixels) -> tuple[Pixels, Pixels | None]:
    """Colour ``(H, W, 1 or 3)`` and alpha ``(H, W)``, where there is one.

    Fully transparent pixels have the colour of the nearest visible one, as theirs is arbitrary.
    """
    if picture.ndim == 2:
        return picture[..., None], None
    if picture.shape[2] in (2, 4):
        return bleed_colour(picture[..., :-1], picture[..., -1]), picture[..., -1]
    return picture, None


def reflect_indices(start: int, stop: int, length: int) -> NDArray[np.intp]:
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
    planes = torch.from_numpy(window).permute(2, 0, 1)[None] / white_level(colour.dtype)
    return planes.expand(1, 3, -1, -1)


def write_window(planes: Tensor, out: Pixels) -> None:
    """Rounds planes to a picture's depth and stores them, clipped, never wrapped around.

    Args:
        planes: ``(C, h, w)`` floating point, nominally in [0, 1].
        out: ``(h, w, C)``, of any depth; overwritten.
    """
    planes = planes.clamp(0, 1).permute(1, 2, 0)
    if out.dtype.kind != "f":
        planes = (planes * white_level(out.dtype)).round_().to(torch.int32)
    out[...] = planes.cpu().numpy()


def is_opaque(alpha: Pixels) -> bool:
    """Whether an alpha channel is white everywhere."""
    return bool(alpha.min() == white_level(alpha.dtype))


def to_unit(pixels: Pixels) -> Tensor:
    """``(H, W)`` pixels of any depth as float64 in [0, 1]: exact, and sums of weights stay exactly one."""
    return torch.from_numpy(pixels.astype(np.float64)) / white_level(pixels.dtype)
