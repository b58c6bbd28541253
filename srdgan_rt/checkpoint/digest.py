"""The sha256 of a weight file's tensors, which the file states in its metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

DIGEST_KEY = "sha256"
"""Key of the digest in the metadata."""


def digest_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hashes names, types, shapes and bytes, in the order of the names.

    Args:
        tensors: tensors by name, on the CPU.

    Returns:
        sha256 in hexadecimal.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
