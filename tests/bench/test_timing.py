from __future__ import annotations

import pytest

from srdgan_rt.bench import timing
from srdgan_rt.bench.timing import MIN_ROUNDS, Timing, time_interleaved


@pytest.fixture(autouse=True)
def fake_clock(monkeypatch):
    """A clock that only the cases move."""
    clock = {"now": 0.0}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)
    return clock


def make_case(clock, log, name, *durations):
    left = list(durations)

    def run():
        log.append(name)
        clock["now"] += left.pop(0)

    return run


def test_minimum_and_median():
    assert Timing((3.0, 1.0, 2.5)).minimum == 1.0
    assert Timing((3.0, 1.0, 2.5)).median == 2.5


def test_each_round_runs_each_case_once_in_changing_order(fake_clock):
    log = []
    cases = {name: make_case(fake_clock, log, name, *[1] * 4) for name in "abc"}
    result = time_interleaved(cases, seconds=1, rounds=4)
    rounds = ["".join(log[start : start + 3]) for start in range(0, 12, 3)]
    assert rounds == ["abc", "bca", "cab", "abc"]
    assert all(timing.seconds == (1, 1, 1, 1) for timing in result.values())


def test_time_goes_to_the_case_that_took_it(fake_clock):
    cases = {"slow": make_case(fake_clock, [], "slow", 4, 5), "fast": make_case(fake_clock, [], "fast", 1, 2)}
    result = time_interleaved(cases, seconds=1, rounds=2)
    assert result["slow"].seconds == (4, 5)
    assert result["fast"].seconds == (1, 2)


def test_rounds_go_on_until_the_time_is_spent_but_never_stop_early(fake_clock):
    many = {"a": make_case(fake_clock, [], "a", *[0.5] * 100)}
    assert len(time_interleaved(many, seconds=10)["a"].seconds) == 20
    few = {"a": make_case(fake_clock, [], "a", *[60] * 100)}
    assert len(time_interleaved(few, seconds=10)["a"].seconds) == MIN_ROUNDS
    assert len(time_interleaved(few, seconds=10, min_rounds=1)["a"].seconds) == 1
