"""Times an engine against the one that would serve without it: nobody can tell beforehand which is faster on a GPU."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch

from srdgan_rt.tensorrt.accuracy import Run
from srdgan_rt.tensorrt.recipe import Profile

SIDE = 256
"""Side of the picture that is timed, in LR pixels."""

_WARM_UP = 2.0  # seconds; TensorRT-RTX compiles better kernels for a size in the background
_ROUNDS = 10


def measure_seconds(runs: Mapping[str, Run], profile: Profile) -> dict[str, float]:
    """Times engines in turn, so that a busy machine is busy for all of them.

    Args:
        runs: the engines by name.
        profile: the picture is no larger than it allows.

    Returns:
        Seconds for one picture from the host until the result is done, by name; the best of several.
    """
    side = min(SIDE, profile.largest)
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    for run in runs.values():
        end = time.perf_counter() + _WARM_UP
        _time(run, picture)
        while time.perf_counter() < end:
            _time(run, picture)
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(_ROUNDS):
        for name, run in runs.items():
            best[name] = min(best[name], _time(run, picture))
    return best


def _time(run: Run, picture: torch.Tensor) -> float:  # picture: (1, 3, H, W)
    start = time.perf_counter()
    float(run(picture).sum())  # which waits for the result
    return time.perf_counter() - start
