"""Reads weight files of all formats: tensors in dictionaries, and metadata."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.npz import read_npz
from srdgan_rt.checkpoint.shipped import check_is_file
from srdgan_rt.errors import CheckpointError, UnknownModelError

_ZIP_HEAD = b"PK\x03\x04"
_NO_WEIGHTS = {b"version https://git-lfs": "a Git LFS pointer, git lfs pull fetches the file", b"<": "a web page"}


@dataclass(frozen=True)
class Content:
    """What a weight file holds.

    Args:
        tensors: tensors by name, in dictionaries of any depth and beside anything else.
        max_bytes: upper bound of the tensors' size, from the file's own size.
        metadata: text by key; empty where the format has none.
    """

    tensors: object
    max_bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_content(path: Path) -> Content:
    """Reads a weight file. Code in the file is never run.

    Args:
        path: ``.safetensors``, ``.pth``, ``.pt``, ``.ckpt``, ``.bin`` or ``.npz``.

    Returns:
        Tensors on the CPU in the types of the file. They may be memory-mapped: copy them to keep them.

    Raises:
        CheckpointError: the file is missing, of another format or damaged, or holds code.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnknownModelError(f"{path}: a weight file must end in {', '.join(_READERS)}")
    check_is_file(path)
    return reader(path)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads a safetensors file.

    Args:
        path: the file.

    Returns:
        Tensors by name, and the metadata.

    Raises:
        CheckpointError: the file is damaged, or its sha256 does not match.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            metadata = dict(file.metadata() or {})
    except Exception as error:  # the reader's own errors, and types that PyTorch lacks
        raise _explain(path, "a safetensors file", error) from error
    if DIGEST_KEY in metadata and metadata[DIGEST_KEY] != digest_tensors(tensors):
        raise CheckpointError(f"{path}: damaged: the weights do not match their sha256")
    return tensors, metadata


def _read_safetensors(path: Path) -> Content:
    tensors, metadata = read_safetensors(path)
    return Content(tensors, path.stat().st_size, metadata)


def _read_torch(path: Path) -> Content:
    try:
        with path.open("rb") as file:
            is_zip = file.read(len(_ZIP_HEAD)) == _ZIP_HEAD
        if is_zip:
            _check_archive(path)
        # Mapped, a storage ends at the end of the file at the latest, whatever length the pickle gives it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols; what cannot be read is an error
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise almost anything
        if isinstance(error, pickle.UnpicklingError) and (
            found := re.search(r"unsupported (?:global|class)\W+(?:GLOBAL )?([\w.]*)", str(error), re.IGNORECASE)
        ):
            reason = f"holds more than tensors ({found[1]}), and pickled code is never run"
            raise CheckpointError(f"{path}: {reason}: save its state_dict alone") from error
        raise _explain(path, "a PyTorch file", error) from error
    return Content(content, path.stat().st_size)


def _check_archive(path: Path) -> None:
    """Checks what PyTorch does not check in a mapped archive: checksums, and that no record is compressed."""
    with zipfile.ZipFile(path) as archive:
        if any(name.endswith("/constants.pkl") for name in archive.namelist()):
            raise CheckpointError(f"{path}: is a TorchScript archive, whose code is never run: save its state_dict")
        for record in archive.infolist():
            if record.compress_type != zipfile.ZIP_STORED:
                raise CheckpointError(f"{path}: damaged, or not a PyTorch file ({record.filename} is compressed)")
        if (broken := archive.testzip()) is not None:
            raise CheckpointError(f"{path}: damaged: the checksum of {broken} is wrong")


def _read_npz(path: Path) -> Content:
    try:
        tensors = read_npz(path)
    except Exception as error:  # zip, header and type errors
        raise _explain(path, "an npz file of plain arrays", error) from error
    return Content(tensors, sum(tensor.numel() * tensor.itemsize for tensor in tensors.values()))


_READERS: dict[str, Callable[[Path], Content]] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".ckpt": _read_torch,
    ".bin": _read_torch,
    ".npz": _read_npz,
}


def _explain(path: Path, expected: str, error: Exception) -> CheckpointError:
    """The error for a file that cannot be read; it names what failed downloads often are."""
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    for beginning, description in _NO_WEIGHTS.items():
        if head.startswith(beginning):
            return CheckpointError(f"{path}: damaged, or not {expected}: it is {description}")
    text = str(error).strip()
    if found := re.search(r"WeightsUnpickler error:\s*(.*)", text):  # follows long advice for programmers
        text = found[1]
    reason = text.splitlines()[0][:120] if text else type(error).__name__
    return CheckpointError(f"{path}: damaged, or not {expected} ({reason})")
