"""Batches that are made ahead: by worker processes on the CPU, or by a thread on the GPU.

A batch is a function of seed and iteration, so it does not matter who makes it, nor how many there are. The photographs
lie in memory once: workers are forked, and read what their parent decoded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

import srdgan_rt._fork  # noqa: F401, ends threads before workers are forked, which could not
from srdgan_rt.errors import SrdganError
from srdgan_rt.signals import leave_signals_to_parent
from training.config import EngineConfig
from training.data.batch import TensorBatch

BatchT = TypeVar("BatchT")
TensorBatchT = TypeVar("TensorBatchT", bound=TensorBatch)


class _Batches(Dataset["BatchT | SrdganError"], Generic[BatchT]):
    def __init__(self, make_batch: Callable[[int], BatchT]) -> None:
        self._make_batch = make_batch

    def __getitem__(self, iteration: int) -> BatchT | SrdganError:
        try:
            return self._make_batch(iteration)
        except SrdganError as error:  # an error that is raised would reach the parent with the worker's traceback
            return error


def load_batches(
    make_batch: Callable[[int], TensorBatchT], iterations: range, config: EngineConfig, device: torch.device
) -> Iterator[TensorBatchT]:
    """The batches of some iterations, in their order.

    Args:
        make_batch: makes the batch of an iteration.
        iterations: which ones.
        config: how many workers, and how far they may go ahead.
        device: which trains. Batches of workers lie in pinned memory if it is a GPU, and can be copied to it in the
            background; those of no workers lie on it.

    Returns:
        The batches. An error of ``make_batch`` is raised where its batch is due.
    """
    on_gpu = device.type == "cuda"
    if config.num_workers == 0:
        return make_ahead(make_batch, iterations, config.prefetch, device) if on_gpu else map(make_batch, iterations)
    loader = DataLoader(
        _Batches(make_batch),
        batch_size=None,
        sampler=iterations,
        collate_fn=_keep,
        num_workers=config.num_workers,
        prefetch_factor=config.prefetch,
        multiprocessing_context="fork",
        worker_init_fn=_start_worker,
        pin_memory=on_gpu,
    )
    return _check(loader)


def make_ahead(
    make_batch: Callable[[int], TensorBatchT], iterations: range, prefetch: int, device: torch.device
) -> Iterator[TensorBatchT]:
    """Batches that a thread makes while the steps before them run.

    A batch on a GPU is hundreds of small kernels, which take longer to start than to run. The thread starts them on a
    stream of its own, so that neither they nor the thread wait for a step.

    Args:
        make_batch: makes the batch of an iteration.
        iterations: which ones.
        prefetch: how many batches are made ahead, at most.
        device: where ``make_batch`` makes them.

    Returns:
        As :func:`load_batches`.
    """
    stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def make(iteration: int) -> TensorBatchT:
        with torch.cuda.stream(stream):  # nothing without a stream
            batch = make_batch(iteration)
        if stream is not None:
            stream.synchronize()
        return batch

    thread = ThreadPoolExecutor(1, "batches")
    left = iter(iterations)
    try:
        made = deque(thread.submit(make, iteration) for iteration in islice(left, prefetch))
        while made:
            batch = made.popleft().result()
            made.extend(thread.submit(make, iteration) for iteration in islice(left, 1))
            if stream is not None:
                batch.keep_for(torch.cuda.current_stream(device))
            yield batch
    finally:
        thread.shutdown(cancel_futures=True)


def _keep(batch: BatchT) -> BatchT:
    return batch


def _check(batches: Iterable[BatchT | SrdganError]) -> Iterator[BatchT]:
    """The batches of workers; raises their errors, and SrdganError where a worker was killed."""
    try:
        for batch in batches:
            if isinstance(batch, SrdganError):
                raise batch
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):  # torch's words
            raise
        reason = "a process that makes batches was killed, perhaps for want of memory"
        raise SrdganError(f"{reason}: set engine.num_workers to fewer") from error


def _start_worker(_worker: int) -> None:
    leave_signals_to_parent()
