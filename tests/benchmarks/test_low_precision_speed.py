from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch

from benchmarks import low_precision_speed
from srdgan_rt import _ext

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason="the extension is not built")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_row_for_every_net_size_and_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--nets", "1x8x4", "--sizes", "8", "12", "--threads", "1", "--seconds", "0"]
    monkeypatch.setattr(sys, "argv", ["low_precision_speed", *options])
    low_precision_speed.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| 1x8x4")]
    assert [row[0] for row in rows] == ["| 1x8x4, 8×8", "| 1x8x4, 12×12"]
    others = 2 if _ext.has_fast_bf16() else 1
    for _, _, fp32, *figures in rows:
        times, ratios = figures[:others], figures[others:]
        assert len(ratios) == others
        for time, ratio in zip(times, ratios, strict=True):
            assert float(ratio.removesuffix(" |")) == pytest.approx(float(fp32) / float(time), rel=0.3)
