"""Activation ranges for int8, in a separate file beside the weights, so that other programs can read the weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.locate import locate_model
from srdgan_rt.checkpoint.pair import has_sharp_weights
from srdgan_rt.checkpoint.read import read_safetensors
from srdgan_rt.checkpoint.save import write_atomically
from srdgan_rt.checkpoint.shipped import SHARP, check_is_file
from srdgan_rt.errors import CheckpointError, UnknownModelError
from srdgan_rt.models import L2HNet

_WEIGHTS_KEY = "weights_sha256"  # digest of the network that the ranges belong to
_NAME = "dense_block.{}"


def ranges_path(name_or_path: str | os.PathLike[str], sharpness: float = 0.0) -> Path:
    """The file of a model's ranges: ``srdgan-x4-fast.int8.safetensors`` beside ``srdgan-x4-fast.safetensors``.

    Each network between a pair has ranges of its own, in ``srdgan-x4-fast.sharp0.6.int8.safetensors``; those of the
    sharp weights are in ``srdgan-x4-fast.sharp.int8.safetensors``.

    Raises:
        CheckpointError: there is no model of this name.
    """
    path = locate_model(name_or_path)
    between = "" if sharpness == 0 else SHARP if sharpness == 1 else f"{SHARP}{sharpness:g}"
    return path.with_name(f"{path.stem}{between}.int8.safetensors")


def save_ranges(
    path: str | os.PathLike[str], ranges: Sequence[Tensor], net: L2HNet, metadata: Mapping[str, str]
) -> None:
    """Writes ranges so that the file appears whole or not at all.

    Args:
        path: see :func:`ranges_path`; replaced if it exists.
        ranges: one tensor (37, F + 4 * G) per dense block; rounded to float16.
        net: the network that they were measured with; they are refused for other weights.
        metadata: description, such as the data that they were measured on.

    Raises:
        CheckpointError: a range is too large for float16, or the file cannot be written.
    """
    tensors = {_NAME.format(i): block.to(torch.float16).contiguous() for i, block in enumerate(ranges)}
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: a range is not finite in {torch.float16}")
    description = {**metadata, _WEIGHTS_KEY: digest_tensors(net.state_dict()), DIGEST_KEY: digest_tensors(tensors)}
    write_atomically(Path(path), save(tensors, description))


def read_ranges(name_or_path: str | os.PathLike[str], net: L2HNet, sharpness: float = 0.0) -> list[Tensor]:
    """Reads the ranges of a model from the file beside its weights; :func:`~srdgan_rt.checkpoint.load_model` calls it.

    Args:
        name_or_path: the model, as for :func:`~srdgan_rt.checkpoint.load_model`.
        net: the model.
        sharpness: that of the model.

    Returns:
        One tensor (37, F + 4 * G) float32 per dense block.

    Raises:
        CheckpointError: there are none, they cannot be read, or they belong to other weights; one line.
    """
    path = ranges_path(name_or_path, sharpness)
    option = f" --sharpness {sharpness:g}" if has_sharp_weights(name_or_path) else ""
    command = f"python -m training.calibrate_int8{option}"
    try:
        check_is_file(path)
    except UnknownModelError as error:
        raise CheckpointError(f"{error}: int8 needs activation ranges; {command} measures them") from None
    tensors, metadata = read_safetensors(path)
    if metadata.get(_WEIGHTS_KEY) != digest_tensors(net.state_dict()):
        raise CheckpointError(f"{path}: belongs to other weights: make it anew with {command}")
    try:
        return [tensors[_NAME.format(i)].float() for i in range(len(tensors))]
    except KeyError as error:
        raise CheckpointError(f"{path}: holds something else than ranges") from error
