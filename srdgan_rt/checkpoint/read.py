"""File formats: a weight file becomes named tensors and a metadata dictionary."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.errors import CheckpointError, UnknownModelError

# Where training programs put the weights: the moving average first, because it is what they evaluate.
_WRAPPERS = ("params_ema", "params", "state_dict")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads a weight file without ever running code that it may hold.

    Args:
        path: ``.safetensors``, ``.pth``, ``.pt`` or ``.npz``.

    Returns:
        Tensors by the names of the file, on the CPU in the types of the file, and the metadata (empty where the
        format has none).

    Raises:
        CheckpointError: the file is missing, of another format, damaged, or holds something other than tensors.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnknownModelError(f"{path}: a weight file must end in {', '.join(_READERS)}")
    if not path.is_file():
        raise UnknownModelError(f"{path}: no such file")
    return reader(path)


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: damaged, or not a safetensors file ({_first_line(error)})") from error
    if DIGEST_KEY in metadata and metadata[DIGEST_KEY] != digest_tensors(tensors):
        raise CheckpointError(f"{path}: damaged: the weights do not match their sha256")
    return tensors, metadata


def _read_torch(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "unsupported global" in str(error).lower() or "unsupported class" in str(error).lower():
            raise CheckpointError(f"{path}: holds more than tensors, and pickled code is never run") from error
        raise CheckpointError(f"{path}: damaged, or not a PyTorch file") from error
    except Exception as error:  # a damaged pickle makes its reader fail in about any way
        raise CheckpointError(f"{path}: damaged, or not a PyTorch file ({_first_line(error)})") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path}: holds no named tensors")
    strangers = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise CheckpointError(f"{path}: holds something other than tensors: {', '.join(strangers[:3])}")
    return {str(name): value for name, value in content.items()}, {}


def _read_npz(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}, {}
    except Exception as error:  # zip, header and type errors, and a bare array has no names at all
        raise CheckpointError(f"{path}: damaged, or not an npz file of plain arrays") from error


_Reader = Callable[[Path], tuple[dict[str, Tensor], dict[str, str]]]
_READERS: dict[str, _Reader] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".npz": _read_npz,
}


def is_weight_path(name: str) -> bool:
    """Whether a string names a file rather than a shipped model: it has a folder or the ending of a weight file."""
    return Path(name).name != name or Path(name).suffix.lower() in _READERS


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:120] if text else type(error).__name__
