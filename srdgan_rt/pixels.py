"""Pictures as arrays: their types and layouts, the value of white, and conversion between bytes and [0, 1].

This module does not import PyTorch, so that work with files alone does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from srdgan_rt.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[Any]
"""uint8, uint16, or float32 in [0, 1]; ``(H, W)``, or ``(H, W, C)`` with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4
(RGBA) channels."""

DType = TypeVar("DType", bound=np.generic)
PictureT = TypeVar("PictureT", "NDArray[Any]", "Tensor")

_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


def white_level(dtype: DTypeLike) -> int:
    """The value of white, and of full opacity: 255 for uint8, 65535 for uint16, 1 for floating point."""
    dtype = np.dtype(dtype)
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def check_dtype(dtype: DTypeLike, name: str) -> None:
    """Raises InputError, which calls the argument by ``name``, for types that pixels cannot have."""
    if np.dtype(dtype) not in _DTYPES:
        raise InputError(f"{name} must be uint8, uint16 or float32, got {np.dtype(dtype)}")


def check_array(value: object, name: str) -> NDArray[Any]:
    """Raises InputError, which calls the argument by ``name``, for what is no array of numpy, or has a mask."""
    if not isinstance(value, np.ndarray):
        raise InputError(f"{name} must be a numpy array, got {type(value).__name__}")
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name} must be an array without a mask; its method filled() makes one")
    return value


def check_layout(pixels: Pixels, name: str) -> int:
    """Checks the type and the layout of an array.

    Args:
        pixels: the array.
        name: what error messages call it.

    Returns:
        The number of channels; 1 for ``(H, W)``.

    Raises:
        InputError: it is something else, or holds no pixel.
    """
    check_array(pixels, name)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4)):
        raise InputError(f"{name} must be (H, W) or (H, W, C) with 1 to 4 channels, got shape {pixels.shape}")
    if 0 in pixels.shape:
        raise InputError(f"{name} must have at least one pixel, got shape {pixels.shape}")
    check_dtype(pixels.dtype, name)
    return 1 if pixels.ndim == 2 else pixels.shape[2]


def check_pixels(image: object) -> Pixels:
    """Checks the type, the layout and the values of a picture.

    Args:
        image: ``(H, W)``, or ``(H, W, C)`` with 1 to 4 channels; uint8, uint16, or float32 in [0, 1].

    Returns:
        The same picture, in the byte order of this machine.

    Raises:
        InputError: it is something else.
    """
    array = check_array(image, "image")
    pixels = array.astype(array.dtype.newbyteorder("="), copy=False)
    check_layout(pixels, "image")
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high <= 1):  # so that NaN, which compares as false, ends here too
            raise InputError(f"float pixels must be finite and lie in [0, 1], got {low:g} to {high:g}")
    return pixels


def to_float32(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """uint8 or uint16 as float32 in [0, 1]; any shape."""
    return np.asarray(pixels / np.float32(white_level(pixels.dtype)), np.float32)


def round_to_8_bits(picture: PictureT) -> PictureT:
    """Rounds to the values that 8 bits can hold.

    Args:
        picture: array or tensor, floating point, nominally in [0, 1]; any shape.

    Returns:
        The nearest multiples of 1/255 in [0, 1], of the same type.
    """
    rounded: PictureT = (picture * 255).round().clip(0, 255) / 255
    return rounded


def round_to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounds values that lie nominally in 0..255 to uint8; those beyond are clipped. Any shape."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def to_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounds values that lie nominally in [0, 1] to uint8; those beyond are clipped. Any shape."""
    return round_to_bytes(picture * 255)


def crop_centre(pixels: NDArray[DType], size: int) -> NDArray[DType]:
    """The middle ``(size, size, ...)`` of ``(H, W, ...)``, as a view; a side that is not longer stays whole."""
    top, left = (max(0, side - size) // 2 for side in pixels.shape[:2])
    return pixels[top : top + size, left : left + size]
