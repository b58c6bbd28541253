"""Peak speed of processor and memory: a square fp32 matrix product in PyTorch, and STREAM's triad."""

from __future__ import annotations

from collections.abc import Callable

import torch

from srdgan_rt.bench.timing import time_interleaved
from srdgan_rt.errors import InputError

SIDE = 2048
FLOP = 2 * SIDE**3

_TRIAD_LENGTH = 1 << 25  # 128 MiB for each of three vectors, several times the caches
_TRIAD_ROUNDS = 10


def make_peak_case() -> Callable[[], object]:
    """A function that multiplies two ``SIDE`` x ``SIDE`` fp32 matrices, in ``FLOP`` operations."""
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(SIDE, SIDE, generator=generator)
    second = torch.rand(SIDE, SIDE, generator=generator)
    out = torch.empty(SIDE, SIDE)
    return lambda: torch.mm(first, second, out=out)


def measure_bandwidth(num_threads: int, *, length: int = _TRIAD_LENGTH) -> float:
    """Measures the memory bandwidth with STREAM's triad, a = b + s c, on fp32 vectors.

    Args:
        num_threads: threads that move the data.
        length: elements of each vector; vectors must be larger than the caches.

    Returns:
        GB/s (10^9 bytes) of the fastest run, counted like STREAM: two vectors read and one written.

    Raises:
        InputError: a number is below 1.
    """
    if num_threads < 1 or length < 1:
        raise InputError(f"threads and length must be at least 1, got {num_threads} and {length}")
    out, first, second = torch.zeros(length), torch.ones(length), torch.ones(length)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        case = {"triad": lambda: torch.add(first, second, alpha=3.0, out=out)}
        timing = time_interleaved(case, seconds=1.0, rounds=_TRIAD_ROUNDS)["triad"]
    finally:
        torch.set_num_threads(threads_before)
    return 3 * out.element_size() * length / timing.minimum / 1e9
