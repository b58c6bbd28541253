from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from srdgan_rt.bench import peak
from srdgan_rt.bench.peak import measure_bandwidth
from srdgan_rt.bench.timing import Timing
from srdgan_rt.errors import InputError


def test_bandwidth_counts_three_vectors_in_the_fastest_run(monkeypatch):
    def time_cases(cases, *, seconds, rounds):
        assert torch.get_num_threads() == 1
        cases["triad"]()
        return {"triad": Timing((0.5, 0.25))}

    monkeypatch.setattr(peak, "time_interleaved", time_cases)
    assert measure_bandwidth(1, length=1000) == pytest.approx(3 * 4 * 1000 / 0.25 / 1e9)


def test_the_product_has_as_many_operations_as_are_counted():
    case = peak.make_peak_case()
    with FlopCounterMode(display=False) as counter:
        case()
    assert counter.get_total_flops() == peak.FLOP


def test_bandwidth_refuses_no_threads():
    with pytest.raises(InputError, match="at least 1"):
        measure_bandwidth(0)
