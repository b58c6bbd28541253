"""Loads a network, ready to run, by name or path."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from srdgan_rt._fork import note_threads
from srdgan_rt.checkpoint.keys import H2L_BLOCK_KEY, L2H_BLOCK_KEY, infer_h2l_sizes, infer_spec, normalize_keys
from srdgan_rt.checkpoint.locate import locate_h2l, locate_model
from srdgan_rt.checkpoint.mix import mix_models, name_mix, parse_mix
from srdgan_rt.checkpoint.model import H2LModel, Model
from srdgan_rt.checkpoint.pair import (
    check_sharpness,
    complete_sharp_weights,
    default_sharpness,
    locate_sharp_weights,
)
from srdgan_rt.checkpoint.ranges import read_ranges
from srdgan_rt.checkpoint.read import Content, read_content
from srdgan_rt.checkpoint.select import list_tensor_names, select_weights
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import H2LNet, L2HNet, ModelSpec

_NAMED_KEYS = 3  # how many offending keys a message names before it only counts
_H2L_SCALE = 4  # the paper's; for files that do not state it
_LONGEST_MESSAGE = 500  # characters
_NUMERALS = 10  # digits of a number in the metadata
_MOST_PIXELS = 10_000  # largest halo or border padding
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

NetT = TypeVar("NetT", bound=nn.Module)


def load_model(
    name_or_path: str | os.PathLike[str], *, sharpness: float | None = 0.0, with_ranges: bool = False
) -> Model:
    """Loads a low-to-high network, which enlarges. Its sizes come from the shapes of its weights.

    Args:
        name_or_path: a name of :func:`~srdgan_rt.checkpoint.available_models`, or a ``.safetensors``, ``.pth``,
            ``.pt``, ``.ckpt``, ``.bin`` or ``.npz`` file of an RRDB network in any of the three ESRGAN key styles, or a
            mix of these, such as ``a:0.7+b:0.3`` (:mod:`srdgan_rt.checkpoint.mix`). Where a file holds several sets of
            weights, a moving average (EMA) comes first: see :func:`srdgan_rt.checkpoint.select.select_weights`.
        sharpness: 0 loads the very weights that are named, 1 the sharp weights beside them, a number between mixes the
            two (:mod:`srdgan_rt.checkpoint.pair`). None is the default that the weights state.
        with_ranges: whether to read the activation ranges that int8 needs, from their file beside the weights.

    Returns:
        The network in fp32 on the CPU, in evaluation mode, and what is known about it.

    Raises:
        CheckpointError: there is no such model or file, it cannot be read, it does not fit the network, or it has no
            ranges or no sharp weights; one line.
        InputError: ``sharpness`` is not in 0..1.
    """
    name = os.fspath(name_or_path)
    if (parts := parse_mix(name)) is not None:
        models, shares = [load_model(part) for part, _ in parts], [share for _, share in parts]
        model = mix_models(name_mix(models, shares), models, shares)
    else:
        model = _load_file(locate_model(name_or_path))
    sharpness = default_sharpness(name, model.metadata) if sharpness is None else check_sharpness(sharpness)
    if sharpness > 0:
        model = _sharpen(model, _load_file(locate_sharp_weights(name_or_path)), sharpness)
    if with_ranges:
        model = dataclasses.replace(model, ranges=read_ranges(name_or_path, model.net, model.sharpness))
    return model


def _sharpen(faithful: Model, sharp: Model, sharpness: float) -> Model:
    """The network between a pair. At 1 it is the sharp one bit by bit, with its own digest."""
    if sharpness < 1:
        name = f"{faithful.spec.name} at sharpness {sharpness:g}"
        sharp = mix_models(name, [faithful, sharp], [1 - sharpness, sharpness])
    return dataclasses.replace(sharp, sharpness=sharpness)


def _load_file(path: Path) -> Model:
    content = complete_sharp_weights(path, read_content(path))
    try:
        net, spec = build_network(content.tensors, max_bytes=content.max_bytes)
        spec = dataclasses.replace(
            spec,
            halo=_read_pixels(content.metadata, "halo", spec.halo),
            border_padding=_read_pixels(content.metadata, "border_padding", spec.border_padding),
            name=path.stem,
        )
    except CheckpointError as error:
        raise _name_file(path, error) from error
    return Model(net, spec, content.metadata)


def load_h2l(name_or_path: str | os.PathLike[str]) -> H2LModel:
    """Loads a high-to-low network, which makes small and noisy pictures (the paper's section 3.2).

    Args:
        name_or_path: a name of :func:`~srdgan_rt.checkpoint.available_degradations`, or a ``.safetensors``, ``.pth``,
            ``.pt``, ``.ckpt``, ``.bin`` or ``.npz`` file with the keys of :class:`~srdgan_rt.models.H2LNet`. Of several
            sets of weights it takes the same as :func:`load_model`.

    Returns:
        The network in fp32 on the CPU, in evaluation mode, and what is known about it. The number of blocks and
        features come from the shapes; the scale comes from the metadata, and is 4 where they do not state it.

    Raises:
        CheckpointError: there is no such model or file, it cannot be read, or it does not fit the network; one line.
    """
    path = locate_h2l(name_or_path)
    content = read_content(path)
    try:
        return H2LModel(_build_h2l(content), path.stem, content.metadata)
    except CheckpointError as error:
        raise _name_file(path, error) from error


def _build_h2l(content: Content) -> H2LNet:
    weights = select_weights(content.tensors, H2L_BLOCK_KEY, max_bytes=content.max_bytes)
    if not weights:
        raise CheckpointError(
            "holds no high-to-low net, as degrade needs it (one that enlarges is for upscale): "
            f"{_describe_tensors(content.tensors)}"
        )
    num_blocks, num_features = infer_h2l_sizes(weights)
    scale = _read_whole(content.metadata, "scale", _H2L_SCALE)
    try:
        with torch.device("meta"):
            net = H2LNet(num_blocks, num_features, scale)
    except InputError as error:
        raise CheckpointError(f"does not fit the network: {error}") from error
    return _fill(net, weights)


def build_network(tensors: object, *, max_bytes: int | None = None) -> tuple[L2HNet, ModelSpec]:
    """Builds the low-to-high network that fits a set of weights.

    Args:
        tensors: weights in any of the three key styles, in dictionaries of any known form; see
            :func:`~srdgan_rt.checkpoint.select.select_weights`.
        max_bytes: largest possible size of the weights; None sets no limit.

    Returns:
        The network in fp32, in evaluation mode, and its sizes.

    Raises:
        CheckpointError: there are no such weights, it is not clear which to take, keys are missing, unexpected or of
            the wrong shape, or values are not finite.
    """
    weights = normalize_keys(select_weights(tensors, L2H_BLOCK_KEY, max_bytes=max_bytes))
    if not weights:
        if any(map(H2L_BLOCK_KEY.search, list_tensor_names(tensors))):
            raise CheckpointError("holds a high-to-low net, which makes pictures small and noisy: it is for degrade")
        raise CheckpointError(f"holds no RRDB network: {_describe_tensors(tensors)}")
    spec = infer_spec(weights)
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
        net = L2HNet(spec.num_blocks, spec.num_features, spec.growth_channels, spec.scale, unshuffle=spec.unshuffle)
    return _fill(net, weights), spec


def _describe_tensors(content: object) -> str:
    names = list_tensor_names(content)
    return f"its tensors are {_name_some(names)}" if names else "it has no named tensors"


def _fill(net: NetT, weights: Mapping[str, Tensor]) -> NetT:
    """Loads weights into a network on the device meta. All must fit."""
    note_threads()
    _check_fit({name: tensor.shape for name, tensor in net.state_dict().items()}, weights)
    # Copied even from fp32: the reader may have mapped the file, which may change later.
    weights = {name: tensor.to(torch.float32, copy=True).contiguous() for name, tensor in weights.items()}
    broken = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"holds NaN or infinite weights: {_name_some(broken)}")
    net.load_state_dict(weights, assign=True)
    return net.eval()


def _check_fit(expected: Mapping[str, torch.Size], weights: Mapping[str, Tensor]) -> None:
    faults = []
    if missing := [name for name in expected if name not in weights]:
        faults.append(f"{len(missing)} of {len(expected)} keys missing: {_name_some(missing)}")
    if unexpected := [name for name in weights if name not in expected]:
        faults.append(f"{len(unexpected)} unexpected: {_name_some(unexpected)}")
    misshapen = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in weights and weights[name].shape != shape
    ]
    if misshapen:
        faults.append(f"{len(misshapen)} of the wrong shape: {_name_some(misshapen)}")
    dtypes = {name: weights[name].dtype for name in expected if name in weights}
    unusual = [f"{name} {dtype}" for name, dtype in dtypes.items() if dtype not in _DTYPES]
    if unusual:
        faults.append(f"{len(unusual)} not in fp32, fp16, bf16 or fp64: {_name_some(unusual)}")
    if faults:
        raise CheckpointError(f"does not fit the network: {'; '.join(faults)}")


def _name_some(names: list[str]) -> str:
    rest = "" if len(names) <= _NAMED_KEYS else ", ..."
    return ", ".join(names[:_NAMED_KEYS]) + rest


def _name_file(path: Path, error: CheckpointError) -> CheckpointError:
    """The error with the file's name in front. Names of tensors in it are made printable."""
    text = str(error)
    printable = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_MESSAGE])
    return CheckpointError(f"{path}: {printable}{'...' if len(text) > _LONGEST_MESSAGE else ''}")


def _read_whole(metadata: Mapping[str, str], key: str, default: int) -> int:
    text = metadata.get(key, str(default))
    if not (text.isdecimal() and len(text) < _NUMERALS):
        raise CheckpointError(f"{key} in the metadata must be a whole number, got {text[:50]!r}")
    return int(text)


def _read_pixels(metadata: Mapping[str, str], key: str, default: int) -> int:
    pixels = _read_whole(metadata, key, default)
    if pixels > _MOST_PIXELS:
        raise CheckpointError(f"{key} in the metadata must be at most {_MOST_PIXELS}, got {pixels}")
    return pixels
