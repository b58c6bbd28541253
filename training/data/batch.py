"""Batches of tensors: how they are moved to a device, and how they are divided among processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from srdgan_rt.errors import InputError

SelfT = TypeVar("SelfT", bound="TensorBatch")


class TensorBatch:
    """Base of the dataclasses that hold the tensors of one step, or further batches."""

    def to(self: SelfT, device: torch.device) -> SelfT:
        """The batch on a device; copied in the background from pinned memory."""
        return self._map(lambda part: part.to(device, non_blocking=True))

    def pin_memory(self: SelfT) -> SelfT:
        """The batch in pinned memory; torch's DataLoader calls this."""
        return self._map(lambda part: part.pin_memory())

    def keep_for(self, stream: torch.cuda.Stream) -> None:
        """Keeps the memory of the batch, which another stream made, until ``stream`` has done what it was given."""
        for part in self.tensors():
            part.record_stream(stream)

    def tensors(self) -> list[Tensor]:
        """All tensors of the batch, in the order of its fields."""
        parts = vars(self).values()
        return [tensor for part in parts for tensor in (part.tensors() if isinstance(part, TensorBatch) else [part])]

    def clone(self: SelfT) -> SelfT:
        """The batch in memory of its own."""
        return self._map(torch.clone)

    def _map(self: SelfT, change: Callable[[Tensor], Tensor]) -> SelfT:
        parts = vars(self).items()
        changed = {name: part._map(change) if isinstance(part, TensorBatch) else change(part) for name, part in parts}
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]


@dataclass(frozen=True)
class DataShard:
    """The part of every batch that one of several processes makes."""

    rank: int = 0
    world: int = 1

    def of(self, count: int, what: str) -> range:
        """The places of this process among ``count`` samples.

        Raises:
            InputError: they cannot be shared out evenly. A mean over all samples would not be the mean of the
                processes' means.
        """
        if count % self.world:
            raise InputError(f"{what} must be a multiple of the {self.world} processes, got {count}")
        return range(self.rank, count, self.world)
