"""Pixel formats of a session, and arrays as their planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.pixels import check_array
from srdgan_rt.session._c_api import Image


@dataclass(frozen=True)
class PixelFormat:
    """How arrays hold a picture.

    Args:
        code: number in ``session_c.h``.
        dtype: type of a sample.
        planes: 1 for interleaved samples; 3 for red, green, blue. Of YUV: 2 for luma and interleaved chroma, 3 for luma
            and twice chroma.
        channels: interleaved samples of a pixel.
        is_yuv: YUV 4:2:0, whose chroma is of 2x2 pixels.
    """

    code: int
    dtype: str
    planes: int
    channels: int = 3
    is_yuv: bool = False

    def shapes(self, height: int, width: int) -> list[tuple[int, ...]]:
        """Shapes of the planes as separate arrays."""
        if self.planes == 1:
            return [(height, width, self.channels)]
        if not self.is_yuv:
            return [(height, width)] * 3
        chroma = (height // 2, width) if self.planes == 2 else (height // 2, width // 2)
        return [(height, width), *[chroma] * (self.planes - 1)]

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Shape of all planes in one array."""
        if self.planes == 1:
            return (height, width, self.channels)
        return (height // 2 * 3, width) if self.is_yuv else (3, height, width)

    def split(self, array: NDArray[Any], height: int, name: str) -> list[NDArray[Any]]:
        """The planes of one array, as views. ``name`` is what messages call it.

        Raises:
            InputError: the planes cannot be views, as rows of the array have gaps between them.
        """
        if self.planes == 1:
            return [array]
        if not self.is_yuv:
            return list(array)
        if self.planes == 2:
            return [array[:height], array[height:]]
        chroma = array[height:]  # a row of it holds two rows of a plane
        if not chroma.flags.c_contiguous:
            raise InputError(f"{name} must be contiguous, or three arrays, got strides {array.strides}")
        return [array[:height], *chroma.reshape(2, height // 2, array.shape[1] // 2)]

    def count_rows(self, shape: tuple[int, ...]) -> int:
        """Rows of a picture whose planes are in one array of this shape; 0 where it is none of this format."""
        if len(shape) != len(self.shape(2, 2)):
            return 0
        if self.is_yuv:
            return int(shape[0] // 3 * 2)
        return int(shape[1] if self.planes == 3 else shape[0])

    def rows_from(self, planes: list[NDArray[Any]], first: int) -> list[NDArray[Any]]:
        """The planes without the rows before ``first``."""
        return [plane[first // 2 if self.is_yuv and index else first :] for index, plane in enumerate(planes)]


# In the order of session_c.h.
FORMATS = {
    "rgb8": PixelFormat(0, "uint8", 1),
    "bgr8": PixelFormat(1, "uint8", 1),
    "rgba8": PixelFormat(2, "uint8", 1, channels=4),
    "bgra8": PixelFormat(3, "uint8", 1, channels=4),
    "rgb16": PixelFormat(4, "uint16", 1),
    "bgr16": PixelFormat(5, "uint16", 1),
    "rgb_float": PixelFormat(6, "float32", 1),
    "bgr_float": PixelFormat(7, "float32", 1),
    "rgb_planar8": PixelFormat(8, "uint8", 3),
    "rgb_planar16": PixelFormat(9, "uint16", 3),
    "rgb_planar_float": PixelFormat(10, "float32", 3),
    "nv12": PixelFormat(11, "uint8", 2, is_yuv=True),
    "nv21": PixelFormat(12, "uint8", 2, is_yuv=True),
    "i420": PixelFormat(13, "uint8", 3, is_yuv=True),
    "p010": PixelFormat(14, "uint16", 2, is_yuv=True),
}


def to_planes(picture: object, format: PixelFormat, height: int, width: int, name: str) -> list[NDArray[Any]]:  # noqa: A002
    """The planes of a picture, as views of the caller's memory.

    Args:
        picture: one array with all planes, or a list or tuple with one array each.
        format: of the picture.
        height: rows of the picture.
        width: columns of the picture.
        name: what messages call it.

    Raises:
        InputError: the layout or the type is another one.
    """
    shapes = format.shapes(height, width)
    if isinstance(picture, list | tuple):
        planes = [_view(plane, name) for plane in picture]
    else:
        array = _view(picture, name)
        shape = format.shape(height, width)
        if array.shape != shape:
            raise InputError(f"{name} must have shape {shape}, got {array.shape}")
        planes = format.split(array, height, name)
    if format.planes == 2 and len(planes) == 2 and planes[1].shape == (height // 2, width // 2, 2):
        _check_rows(planes[1], name)  # else reshape() would copy, and what is written into the copy would be lost
        planes[1] = planes[1].reshape(height // 2, width)
    if [plane.shape for plane in planes] != shapes:
        raise InputError(f"{name} must have planes of shapes {shapes}, got {[plane.shape for plane in planes]}")
    for plane in planes:
        if plane.dtype != np.dtype(format.dtype):
            raise InputError(f"{name} must be {format.dtype}, got {plane.dtype}")
        _check_rows(plane, name)
        if not has_distinct_rows(plane):
            raise InputError(f"{name} must have memory for each row, got one row that is repeated")
    return planes


def rows_to_planes(rows: object, format: PixelFormat, width: int) -> list[NDArray[Any]]:  # noqa: A002
    """The planes of some rows of a picture, as :func:`to_planes` gives them; messages call them "rows".

    Args:
        rows: any number of rows, laid out as a picture of that height.
        format: of the picture.
        width: columns of the picture.

    Raises:
        InputError: the layout or the type is another one, or there is no row.
    """
    if isinstance(rows, list | tuple):
        num_rows = _view(rows[0], "rows").shape[:1] if rows else ()
        height = num_rows[0] if num_rows else 0
    else:
        height = format.count_rows(_view(rows, "rows").shape)
    if height == 0:
        shape = getattr(rows, "shape", type(rows).__name__)
        raise InputError(f"rows must have the layout of a picture, and at least one row, got {shape}")
    return to_planes(rows, format, height, width, "rows")


def has_distinct_rows(plane: NDArray[Any]) -> bool:
    """Whether no row stands for several, as in what ``np.broadcast_to`` returns. The library knows no stride of 0."""
    return len(plane) < 2 or plane.strides[0] != 0


def to_image(planes: list[NDArray[Any]]) -> Image:
    """The addresses and strides of planes, which must outlive the result's use."""
    image = Image()
    for index, plane in enumerate(planes):
        image.planes[index] = plane.__array_interface__["data"][0]
        image.strides[index] = plane.strides[0] if len(plane) > 1 else 0  # numpy gives one row any stride
    return image


def _check_rows(plane: NDArray[Any], name: str) -> None:
    if len(plane) > 0 and not plane[0].flags.c_contiguous:
        raise InputError(f"rows of {name} must be contiguous, got strides {plane.strides}")


def _view(array: object, name: str) -> NDArray[Any]:
    """An array over the same memory: of numpy, or anything with DLPack or a buffer."""
    if isinstance(array, np.ndarray):
        return np.asarray(check_array(array, name))
    try:
        if hasattr(array, "__dlpack__"):
            return np.from_dlpack(array)
        return np.asarray(memoryview(array))  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        raise InputError(f"{name} must be an array in main memory, got {type(array).__name__}: {error}") from error
