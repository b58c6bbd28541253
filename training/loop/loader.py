"""Worker processes that make batches ahead.

A batch is a function of seed and iteration, so it does not matter which process makes it, nor how many there are. The
photographs lie in memory once: workers are forked, and read what their parent decoded.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

import srdgan_rt._fork  # noqa: F401, ends threads before workers are forked, which could not
from training.config import EngineConfig

BatchT = TypeVar("BatchT")


class _Batches(Dataset[BatchT], Generic[BatchT]):
    def __init__(self, make_batch: Callable[[int], BatchT]) -> None:
        self._make_batch = make_batch

    def __getitem__(self, iteration: int) -> BatchT:
        return self._make_batch(iteration)


def load_batches(
    make_batch: Callable[[int], BatchT], iterations: range, config: EngineConfig, *, pinned: bool
) -> Iterator[BatchT]:
    """The batches of some iterations, in their order.

    Args:
        make_batch: makes the batch of an iteration.
        iterations: which ones.
        config: how many workers, and how far they may go ahead.
        pinned: puts batches into pinned memory, from which they are copied to a GPU in the background.

    Returns:
        The batches. An error of ``make_batch`` is raised where its batch is due.
    """
    if config.num_workers == 0 and not pinned:
        return map(make_batch, iterations)
    workers = config.num_workers > 0
    loader = DataLoader(
        _Batches(make_batch),
        batch_size=None,
        sampler=iterations,
        collate_fn=_keep,
        num_workers=config.num_workers,
        prefetch_factor=config.prefetch if workers else None,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=_start_worker if workers else None,
        pin_memory=pinned,
    )
    return iter(loader)


def _keep(batch: BatchT) -> BatchT:
    return batch


def _start_worker(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to stop
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
