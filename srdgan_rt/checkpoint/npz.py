"""Reads ``.npz`` archives of numpy arrays; no array may exceed the size that the archive states."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

_MOST_TIMES_SMALLER = 16  # largest compression ratio; weights hardly compress
_ALWAYS_ALLOWED = 1 << 26  # bytes, for small nets of few values


def read_npz(path: Path) -> dict[str, Tensor]:
    """Reads all arrays of an archive, compressed or not.

    Args:
        path: the archive.

    Returns:
        Tensors by the names of the arrays.

    Raises:
        Exception: of any type, where the archive is damaged, holds Python objects, or would unpack to far more bytes
            than it has.
    """
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        unpacked = sum(record.file_size for record in records)
        limit = max(_ALWAYS_ALLOWED, _MOST_TIMES_SMALLER * path.stat().st_size)
        if unpacked > limit:
            raise ValueError(f"it would unpack to {unpacked} bytes, the limit is {limit}")
        tensors = {}
        for record in records:
            with archive.open(record) as file:
                tensors[record.filename.removesuffix(".npy")] = _read_array(file, record.file_size)
        return tensors


def _read_array(file: IO[bytes], size: int) -> Tensor:
    """Reads one array. numpy's own reader would allocate memory for any shape that the header names."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, and pickled code is never run")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"an array of shape {shape} does not fit into {size} bytes")
    array = np.frombuffer(file.read(), dtype, math.prod(shape))
    array = array.reshape(shape, order="F" if is_fortran else "C")
    return torch.from_numpy(array.astype(dtype.newbyteorder("="), order="C"))
