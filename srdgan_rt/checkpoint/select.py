"""Finds the network's tensors in a file; training programs wrap them in many ways (docs/design/weights.md).

A *set of weights* is every tensor in one dictionary of the file whose name begins with the same prefix, if the names
that follow are those of the network. What else lies in the file, such as a discriminator or an optimiser, is left
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt.errors import CheckpointError

PLAIN_NAMES = ("params", "state_dict", "model_state_dict", "model", "generator", "netg", "net_g", "weights")
"""Keys under which training programs store weights that are not a moving average, in the order of preference."""

_EMA_WORDS = {"ema", "average", "averaged", "avg", "swa"}
_TRANSPARENT_NAMES = {"module", "_orig_mod"}  # from data-parallel training and torch.compile
_COUNTERS = {"step_counter", "n_averaged", "num_updates", "step", "steps", "iter", "iteration", "epoch", "decay"}
# Other parts of a training state that have weights.
_COMPANION = re.compile(r"optim|discriminator|net_?d\b|net_d_|loss|perceptual|vgg|lpips|scheduler", re.IGNORECASE)
_DEEPEST = 6  # nested dictionaries
_MOST_SETS = 50

_Path = tuple[str, ...]


@dataclass(frozen=True)
class _WeightSet:
    """One set of weights: the dictionaries that lead to it, and the prefix of its names."""

    containers: _Path
    prefix: str

    @property
    def wrappers(self) -> list[str]:
        """Names around the network's own, without those that carry no meaning."""
        names = [*self.containers, *self.prefix.rstrip(".").split(".")]
        return [name for name in names if name and name not in _TRANSPARENT_NAMES]

    @property
    def name(self) -> str:
        return ".".join(self.wrappers) or "the top level"

    @property
    def rank(self) -> int:
        """Rank in the order of preference; the lowest is taken."""
        if any(_is_average(name) for name in self.wrappers):
            return -1
        known = [name.lower().replace("-", "_") for name in self.wrappers]
        if not known:
            return len(PLAIN_NAMES)
        return min((PLAIN_NAMES.index(name) for name in known if name in PLAIN_NAMES), default=len(PLAIN_NAMES) + 1)


def select_weights(content: object, block_key: re.Pattern[str], *, max_bytes: int | None = None) -> dict[str, Tensor]:
    """Finds the weights of a network in what a file holds.

    Order of preference: moving averages; weights under a key of :data:`PLAIN_NAMES`, in that order; weights at the top
    level; weights under an unknown key.

    Args:
        content: tensors by name, in dictionaries of any depth and beside anything else.
        block_key: matches the last part of the name of any weight in a block of the wanted network.
        max_bytes: largest possible size of the weights, from the file's own size; None sets no limit.

    Returns:
        The tensors by the network's own names; empty where there is no such network.

    Raises:
        CheckpointError: several different sets have the same rank, there is a moving average whose names are not known,
            or tensors are not dense.
    """
    tensors = list(_walk(content))
    found: dict[_WeightSet, None] = {}  # in the order of the file
    for containers, key, _ in tensors:
        if (match := block_key.search(key)) and not _COMPANION.search(key[: match.start()]):
            found[_WeightSet(containers, key[: match.start()])] = None
    if not found:
        return {}
    if len(found) > _MOST_SETS:
        raise CheckpointError(f"holds {len(found)} sets of weights: keep one")
    best = min(weights.rank for weights in found)
    _check_averages(tensors, best)
    first, *others = [weights for weights in found if weights.rank == best]
    chosen = _collect(first, tensors, found)
    _check_plain(chosen, max_bytes)
    for weights in others:
        other = _collect(weights, tensors, found)
        _check_plain(other, max_bytes)
        if not _are_equal(chosen, other):
            raise CheckpointError(f"holds two sets of weights that differ, {first.name} and {weights.name}: keep one")
    return chosen


def list_tensor_names(content: object) -> list[str]:
    """Names of all tensors in a file, in its order."""
    return [".".join((*containers, key)) for containers, key, _ in _walk(content)]


def _walk(content: object) -> Iterator[tuple[_Path, str, Tensor]]:
    """Every tensor with its name and the names of the dictionaries around it; each dictionary is visited once."""
    pending: list[tuple[_Path, object]] = [((), content)]
    visited = set()
    while pending:
        containers, value = pending.pop()
        if id(value) in visited or len(containers) > _DEEPEST:
            continue
        visited.add(id(value))
        items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        inner: list[tuple[_Path, object]] = []
        for key, item in items:
            if not isinstance(key, str | int):
                continue
            if isinstance(item, Tensor):
                yield containers, str(key), item
            elif isinstance(item, Mapping | list) and not _COMPANION.search(str(key)):
                inner.append(((*containers, str(key)), item))
        pending.extend(reversed(inner))


def _collect(
    weights: _WeightSet, tensors: list[tuple[_Path, str, Tensor]], found: Mapping[_WeightSet, None]
) -> dict[str, Tensor]:
    """The tensors of a set by the network's own names."""
    longer = tuple(
        other.prefix
        for other in found
        if other.containers == weights.containers and len(other.prefix) > len(weights.prefix)
    )
    chosen = {}
    for containers, key, tensor in tensors:
        if containers != weights.containers or not key.startswith(weights.prefix) or key.startswith(longer or ("\0",)):
            continue
        name = key.removeprefix(weights.prefix)
        if name not in _COUNTERS and not _COMPANION.match(name):
            chosen[name] = tensor
    return chosen


def _check_averages(tensors: list[tuple[_Path, str, Tensor]], best: int) -> None:
    """Raises an error where plain weights would be taken although there is a moving average with unknown names."""
    if best == -1:
        return
    for containers, key, tensor in tensors:
        wrappers = [*containers, *key.split(".")[:-1]]
        if tensor.ndim == 4 and any(map(_is_average, wrappers)) and not any(map(_COMPANION.search, wrappers)):
            name = ".".join((*containers, key))
            raise CheckpointError(f"holds a moving average whose names are not those of the network: {name}")


def _is_average(name: str) -> bool:
    return not _EMA_WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def _check_plain(tensors: Mapping[str, Tensor], max_bytes: int | None) -> None:
    """Refuses tensors that are not dense, or larger than the file: a stride of 0 turns four bytes into petabytes."""
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
            kind = "quantized" if tensor.is_quantized else str(tensor.layout).removeprefix("torch.")
            raise CheckpointError(f"weights must be dense tensors, {name} is {kind}")
        if tensor.device.type != "cpu":
            raise CheckpointError(f"weights must have values, {name} is on the device {tensor.device}")
    claimed = sum(tensor.numel() * tensor.itemsize for tensor in tensors.values())
    if max_bytes is not None and claimed > max_bytes:
        raise CheckpointError(f"its weights would have {claimed} bytes, the file has only {max_bytes}")


def _are_equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        tensor.shape == second[name].shape and tensor.dtype == second[name].dtype and torch.equal(tensor, second[name])
        for name, tensor in first.items()
    )
