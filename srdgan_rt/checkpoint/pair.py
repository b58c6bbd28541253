"""Pairs of weights of the same sizes under one name: faithful and sharp ones.

The faithful ones are in ``NAME.safetensors``, the sharp ones beside it in ``NAME.sharp.safetensors``. Other endings of
weight files work in the same way, and so do the user's own files. A sharpness from 0 to 1 selects the network between
the two: (1 - sharpness) times the faithful weights plus sharpness times the sharp ones
(:mod:`srdgan_rt.checkpoint.mix`).

Where most layers of the two are equal, the sharp file holds only the tensors that differ, and the digest of the
faithful file, from which the others are taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from torch import Tensor

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.locate import locate_model
from srdgan_rt.checkpoint.mix import parse_mix
from srdgan_rt.checkpoint.read import Content, read_content
from srdgan_rt.checkpoint.shipped import SHARP, available_models
from srdgan_rt.checks import is_number
from srdgan_rt.errors import CheckpointError, InputError, UnknownModelError

SHARPNESS_KEY = "sharpness"
"""Key of the pair's default sharpness in the metadata of the faithful file; 0 where it is missing."""

BASE_KEY = "base_sha256"
"""Key of the digest of the faithful weights, in the metadata of sharp weights that hold only what differs from them."""


def check_sharpness(sharpness: float) -> float:
    """Raises InputError where a sharpness is not in 0..1."""
    if not is_number(sharpness) or not 0 <= sharpness <= 1:
        raise InputError(f"sharpness must be 0..1, got {sharpness!r}")
    return float(sharpness)


def default_sharpness(name: str, metadata: Mapping[str, str]) -> float:
    """The default sharpness of a pair, from the metadata of its faithful file.

    Args:
        name: of the model, for the message.
        metadata: of the faithful file.

    Raises:
        CheckpointError: it is not a number in 0..1.
    """
    text = metadata.get(SHARPNESS_KEY, "0")
    try:
        return check_sharpness(float(text))
    except (InputError, ValueError) as error:
        raise CheckpointError(f"{name}: {SHARPNESS_KEY} in the metadata must be 0..1, got {text[:50]!r}") from error


def faithful_path(path: Path) -> Path | None:
    """The faithful file that a file of sharp weights belongs to; None where the name is not that of sharp weights."""
    return path.with_name(f"{path.stem.removesuffix(SHARP)}{path.suffix}") if path.stem.endswith(SHARP) else None


def complete_sharp_weights(path: Path, content: Content) -> Content:
    """Adds the tensors that sharp weights share with the faithful ones, where they do not hold these themselves.

    Args:
        path: weight file.
        content: of this file; any other than such sharp weights is returned as it is.

    Returns:
        All tensors, and the digest of them all in place of that of the part.

    Raises:
        CheckpointError: the faithful file is missing, damaged, or not the one that these weights belong to.
    """
    digest = content.metadata.get(BASE_KEY)
    if digest is None:
        return content
    base_path = faithful_path(path)
    if base_path is None or not base_path.is_file():
        raise CheckpointError(f"{path}: holds only what differs from faithful weights, which are not beside it")
    base = read_content(base_path)
    if base.metadata.get(DIGEST_KEY) != digest:
        raise CheckpointError(f"{path}: belongs to other faithful weights than {base_path.name}")
    tensors = {**cast(dict[str, Tensor], base.tensors), **cast(dict[str, Tensor], content.tensors)}
    metadata = {**content.metadata, DIGEST_KEY: digest_tensors(tensors)}
    return Content(tensors, base.max_bytes + content.max_bytes, metadata)


def has_sharp_weights(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether a model has sharp weights beside its own; a mix of networks has none.

    Raises:
        CheckpointError: there is no shipped model of this name.
    """
    return parse_mix(os.fspath(name_or_path)) is None and _sharp_path(locate_model(name_or_path)).is_file()


def locate_sharp_weights(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a model's sharp weights.

    Raises:
        UnknownModelError: it has none; the message names the shipped models that have them.
    """
    if has_sharp_weights(name_or_path):
        return _sharp_path(locate_model(name_or_path))
    pairs = [name for name in available_models() if has_sharp_weights(name)]
    known = f"shipped models that have them: {', '.join(pairs)}" if pairs else "no shipped model has them"
    if parse_mix(os.fspath(name_or_path)) is None:
        missing = f"{name_or_path} has no sharp weights ({_sharp_path(locate_model(name_or_path)).name})"
    else:
        missing = f"{name_or_path}: a mix of networks has no sharp weights"
    raise UnknownModelError(f"{missing}, so sharpness must be 0; {known}")


def _sharp_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}{SHARP}{path.suffix}")
