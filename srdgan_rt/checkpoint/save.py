"""Writes weights: safetensors with a description of the model in the metadata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save

from srdgan_rt.atomic import replace_file
from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.pair import BASE_KEY
from srdgan_rt.checkpoint.read import read_safetensors
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import H2LNet, L2HNet

_SIZES = ("num_blocks", "num_features", "growth_channels", "scale", "unshuffle")


def save_model(
    path: str | os.PathLike[str],
    net: L2HNet | H2LNet,
    metadata: Mapping[str, str],
    *,
    dtype: torch.dtype = torch.float16,
    base: Path | None = None,
) -> None:
    """Writes a network so that the file appears whole or not at all.

    Args:
        path: a ``.safetensors`` file; replaced if it exists.
        net: the network, on any device.
        metadata: description of the model. A shipped model states at least ``halo``, ``training_data``, ``license``,
            ``commit`` and ``scores``, and ``border_padding`` where it is not 0. A high-to-low net has no ``halo``, but
            ``noise_levels``: the standard deviations of N that it was trained with, separated by commas. This function
            adds ``architecture``, ``scale``, ``sha256`` and those of ``num_blocks``, ``num_features``,
            ``growth_channels`` and ``unshuffle`` that the network has.
        dtype: floating-point type of the weights in the file.
        base: faithful weights (:mod:`srdgan_rt.checkpoint.pair`) as this function wrote them. Tensors that are equal to
            theirs are left out.

    Raises:
        CheckpointError: the path does not end in ``.safetensors``, metadata is not text, weights do not fit the type,
            or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise CheckpointError(f"{path}: weights are written as .safetensors only")
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise CheckpointError(f"metadata must be text, got {key!r}: {value!r}")
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in net.state_dict().items()}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path}: {broken[0]} is not finite in {dtype}")
    part = {}
    if base is not None:
        faithful, facts = read_safetensors(base)
        different = {name: x for name, x in tensors.items() if not torch.equal(x, faithful.get(name, x.new_empty(0)))}
        if len(different) < len(tensors):
            tensors, part = different, {BASE_KEY: facts[DIGEST_KEY]}
    description = dict(metadata) | {
        "architecture": type(net).__name__,
        **{name: str(getattr(net, name)) for name in _SIZES if hasattr(net, name)},
        **part,
        DIGEST_KEY: digest_tensors(tensors),
    }
    write_atomically(path, save(tensors, description))


def update_metadata(path: Path, changes: Mapping[str, str]) -> None:
    """Changes the metadata of a ``.safetensors`` file; its tensors, and so its digest, stay as they are.

    Args:
        path: the file; replaced.
        changes: new values by key.

    Raises:
        CheckpointError: the file cannot be read or written.
    """
    tensors, metadata = read_safetensors(path)
    write_atomically(path, save(tensors, {**metadata, **changes}))


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all."""
    try:
        with replace_file(path) as file:
            file.write(content)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written ({error.strerror})") from error
