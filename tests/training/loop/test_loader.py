"""Batches that workers or a thread make ahead."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from srdgan_rt.errors import InputError, SrdganError
from training.config.engine import EngineConfig
from training.data.batch import TensorBatch
from training.loop import loader
from training.loop.loader import load_batches, make_ahead

CPU = torch.device("cpu")
PICTURE = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)


@dataclass(frozen=True)
class Number(TensorBatch):
    value: Tensor


def make_batch(iteration: int) -> Number:
    return Number(torch.from_numpy(cv2.bilateralFilter(PICTURE, 5, 30, 30)).sum() + iteration)


def test_workers_use_opencv_after_their_parent_did() -> None:
    cv2.setNumThreads(4)
    try:
        first = int(make_batch(0).value)  # starts OpenCV's threads
        batches = load_batches(make_batch, range(3), EngineConfig(num_workers=2), CPU)
        assert [int(batch.value) for batch in batches] == [first, first + 1, first + 2]
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(-1)


def test_a_worker_that_is_killed_is_one_line() -> None:
    """As the kernel does when memory runs out."""

    def make_or_die(iteration: int) -> Number:
        if iteration == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return Number(torch.tensor(iteration))

    batches = load_batches(make_or_die, range(3), EngineConfig(num_workers=1), CPU)
    with pytest.raises(SrdganError, match=r"makes batches was killed, .*: set engine\.num_workers to fewer"):
        list(batches)


@pytest.mark.parametrize("prefetch", [1, 2, 9])
def test_a_thread_makes_batches_ahead_in_their_order(prefetch: int) -> None:
    begun: list[int] = []
    threads = set()

    def make(iteration: int) -> Number:
        begun.append(iteration)
        threads.add(threading.current_thread())
        return Number(torch.tensor(iteration))

    batches = make_ahead(make, range(3, 10_000_000), prefetch, CPU)
    for expected in range(3, 8):
        assert int(next(batches).value) == expected
        assert max(begun) <= expected + prefetch
    batches.close()  # type: ignore[attr-defined]  # a generator, as when a run ends
    (thread,) = threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


class ImmediateExecutor:
    """Computes at once what it is given, so that no test waits for a thread."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, function: Callable[[int], Number], argument: int) -> Future[Number]:
        future: Future[Number] = Future()
        future.set_result(function(argument))
        return future

    def shutdown(self, *, cancel_futures: bool) -> None:
        pass


@pytest.mark.parametrize("prefetch", [1, 2, 9])
def test_as_many_batches_are_made_ahead_as_allowed(monkeypatch: pytest.MonkeyPatch, prefetch: int) -> None:
    monkeypatch.setattr(loader, "ThreadPoolExecutor", ImmediateExecutor)
    begun: list[int] = []

    def make(iteration: int) -> Number:
        begun.append(iteration)
        return Number(torch.tensor(iteration))

    batches = make_ahead(make, range(3, 100), prefetch, CPU)
    for expected in range(3, 8):
        next(batches)
        assert begun == list(range(3, expected + prefetch + 1))


def test_a_thread_makes_no_batch_too_many() -> None:
    made = make_ahead(lambda iteration: Number(torch.tensor(iteration)), range(3), 2, CPU)
    assert [int(batch.value) for batch in made] == [0, 1, 2]
    assert [*make_ahead(make_batch, range(0), 2, CPU)] == []


def test_an_error_of_the_thread_comes_where_its_batch_is_due() -> None:
    def make(iteration: int) -> Number:
        if iteration == 2:
            raise ValueError("no batch 2")
        return Number(torch.tensor(iteration))

    batches = make_ahead(make, range(5), 2, CPU)
    assert [int(next(batches).value) for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="no batch 2"):
        next(batches)


def test_an_error_of_a_worker_is_raised_as_it_was() -> None:
    def make(iteration: int) -> Number:
        raise InputError(f"no batch {iteration}")

    batches = load_batches(make, range(3), EngineConfig(num_workers=1), CPU)
    with pytest.raises(InputError) as caught:
        next(batches)
    assert str(caught.value) == "no batch 0"
