"""Makes the batches of the low-to-high net.

A batch is a function of the seed and the iteration alone, on one kind of device, so a resumed run sees what an
uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.metrics.protocol import SCALE
from training.data.batch import DataShard, TensorBatch
from training.imaging.random_source import RandomSource
from training.samples.kinds import KINDS
from training.samples.sources import Sources


@dataclass(frozen=True)
class Batch(TensorBatch):
    """Tensors of one step, RGB in [0, 1]."""

    low: Tensor  # (N, 3, P, P)
    high: Tensor  # (N - M, 3, 4P, 4P): what the first N - M samples should become
    low_clean: Tensor  # (M, 3, P, P): for the last M, only the clean value of each low-resolution sample is known


class Sampler:
    """Makes batches.

    Args:
        sources: what samples are made from; only what the kinds asked for need is read, here.
        counts: samples of each kind, by its name.
        seed: with the iteration, decides every batch.
        shard: the part of each batch that this process trains on; the whole is made, so that every process draws the
            same numbers.

    Raises:
        InputError: a source is missing, too small or not used, or the samples cannot be shared out evenly.
        ImageReadError: a picture cannot be read.
    """

    def __init__(
        self,
        sources: Sources,
        counts: Mapping[str, int],
        seed: int,
        shard: DataShard = DataShard(),  # noqa: B008 (immutable)
    ) -> None:
        if sources.gmsr is not None and not counts.get("gmsr"):
            raise InputError("batch.gmsr must be above 0 where --gmsr is given, got 0")
        self._seed = seed
        self._device = sources.device
        self._kinds = [(kind(sources), counts[name]) for name, kind in KINDS.items() if counts.get(name)]
        self._known = list(shard.of(self._count(known=True), "the samples with a known HR"))
        self._unknown = list(shard.of(self._count(known=False), "the samples without a known HR"))

    @torch.no_grad()
    def batch(self, iteration: int, patch: int) -> Batch:
        """The batch of an iteration, with low-resolution patches of ``patch`` x ``patch`` pixels."""
        random = RandomSource((self._seed, iteration), self._device)
        lows = {True: [self._empty(patch)], False: [self._empty(patch)]}  # by whether HR is known
        targets = {True: [self._empty(SCALE * patch)], False: [self._empty(patch)]}
        for kind, count in self._kinds:
            low, target = kind.make(count, patch, random)
            lows[kind.is_known].append(low)
            targets[kind.is_known].append(target)
        low = torch.cat([torch.cat(lows[True])[self._known], torch.cat(lows[False])[self._unknown]])
        return Batch(low, torch.cat(targets[True])[self._known], torch.cat(targets[False])[self._unknown])

    def _count(self, *, known: bool) -> int:
        """Samples of a batch whose HR is known, or is not."""
        return sum(count for kind, count in self._kinds if kind.is_known == known)

    def _empty(self, side: int) -> Tensor:
        return torch.empty(0, 3, side, side, device=self._device)
