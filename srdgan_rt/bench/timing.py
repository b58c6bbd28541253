"""Interleaved timing: every round runs each case once, so that slow phases of the machine affect all cases alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_PAUSE = 0.1
"""Pause in seconds before a timed run: thread pools spin for a while after their work and would slow the next case."""

MIN_ROUNDS = 3


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of every timed run of one case."""

    seconds: tuple[float, ...]

    @property
    def minimum(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def time_interleaved(
    cases: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    rounds: int | None = None,
    min_rounds: int = MIN_ROUNDS,
    pause: float = _PAUSE,
) -> dict[str, Timing]:
    """Times cases in turn. The caller must have run each of them once, as a warm-up.

    Args:
        cases: functions by name.
        seconds: average time to spend per case.
        rounds: exact number of rounds; None uses ``seconds``.
        min_rounds: least number of rounds, however long they take, where ``rounds`` is None.
        pause: seconds of rest before each run.

    Returns:
        One timing per case, all with the same number of runs.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    budget = seconds * len(names)
    done = 0
    while done < rounds if rounds is not None else (done < min_rounds or _total(taken) < budget):
        for name in names:
            time.sleep(pause)
            start = time.perf_counter()
            cases[name]()
            taken[name].append(time.perf_counter() - start)
        names.append(names.pop(0))  # so that no case always follows the same one
        done += 1
    return {name: Timing(tuple(values)) for name, values in taken.items()}


def _total(taken: Mapping[str, list[float]]) -> float:
    return sum(sum(values) for values in taken.values())
