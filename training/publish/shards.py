"""Splits a weight file into shards, each a weight file of its own that is small enough to send, and joins them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from srdgan_rt.atomic import replace_file
from srdgan_rt.checkpoint import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.read import read_safetensors
from srdgan_rt.errors import CheckpointError, InputError

SHARD_BYTES = 16_000_000
_NAME = re.compile(r".+-\d{5}-of-\d{5}\.safetensors")
_MODEL, _NUMBER, _COUNT = "model", "shard", "num_shards"  # in the metadata of a shard


def split(file: Path, folder: Path, shard_bytes: int = SHARD_BYTES) -> list[Path]:
    """Splits a weight file into shards named ``NAME-00001-of-00003.safetensors``.

    Args:
        file: a ``.safetensors`` file.
        folder: where the shards go; made if it is missing.
        shard_bytes: the size of a shard's tensors; a single tensor may be larger.

    Returns:
        The shards, in order.

    Raises:
        CheckpointError: the file cannot be read, or is damaged.
    """
    tensors, metadata = read_safetensors(file)
    model = json.dumps(metadata | {DIGEST_KEY: digest_tensors(tensors)})
    groups = list(_group(tensors, shard_bytes))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, group in enumerate(groups, 1):
        path = folder / f"{file.stem}-{number:05}-of-{len(groups):05}.safetensors"
        facts = {_MODEL: model, _NUMBER: str(number), _COUNT: str(len(groups)), DIGEST_KEY: digest_tensors(group)}
        with replace_file(path) as stream:
            stream.write(save(group, facts))
        paths.append(path)
    return paths


def _group(tensors: Mapping[str, Tensor], most: int) -> Iterator[dict[str, Tensor]]:
    """Tensors in their order, as many together as have at most so many bytes."""
    group: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors.items():
        if group and size + tensor.nbytes > most:
            yield group
            group, size = {}, 0
        group[name] = tensor
        size += tensor.nbytes
    yield group


def is_shard(path: Path) -> bool:
    """Whether the name of a file is that of a shard."""
    return _NAME.fullmatch(path.name) is not None


def join(shards: Sequence[Path], output: Path) -> None:
    """Joins the shards of one weight file, given in any order.

    Args:
        shards: all of them, each once.
        output: the weight file; appears whole or not at all.

    Raises:
        InputError: a file is not a shard, the shards are of different files, or one is missing or given twice.
        CheckpointError: a shard cannot be read, or is damaged.
    """
    models = set()
    found: dict[int, tuple[Path, dict[str, Tensor]]] = {}
    for path in shards:
        tensors, facts = read_safetensors(path)
        try:
            number = int(facts[_NUMBER])
            models.add((facts[_MODEL], int(facts[_COUNT])))
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} is not a shard: shards are called NAME-00001-of-00003.safetensors") from error
        if number in found:
            raise InputError(f"{path} and {found[number][0]} are the same shard")
        found[number] = path, tensors
    if len(models) != 1:
        raise InputError(f"all shards must be of one weight file, got shards of {len(models)}")
    ((model, count),) = models
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing:
        raise InputError(f"shard {missing[0]} of {count} is missing")
    joined = {name: tensor for number in range(1, count + 1) for name, tensor in found[number][1].items()}
    metadata: dict[str, str] = json.loads(model)
    if digest_tensors(joined) != metadata[DIGEST_KEY]:
        raise CheckpointError(f"the shards of {output} are damaged: their SHA-256 is not that of the weight file")
    with replace_file(output) as stream:
        stream.write(save(joined, metadata))
