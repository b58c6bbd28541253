"""The choice of strips by the memory that they need."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime import strip_runner
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box


class Backend:
    """Notes which strips are run; ``memory`` is that of the whole, of strips of 128 rows, and of the smallest ones."""

    def __init__(self, memory: tuple[int, int, int]) -> None:
        self._memory = dict(zip((None, 128, 1), memory, strict=True))
        self.started: list[int | None] = []

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> SimpleNamespace:
        def run(read: object) -> list[object]:
            self.started.append(strip_rows)
            return []

        return SimpleNamespace(memory_bytes=self._memory[strip_rows], run=run)


@pytest.mark.parametrize(
    ("memory", "started"),
    [
        ((400, 450, 100), [None]),
        ((450, 400, 100), [128]),
        ((600, 550, 100), [1]),
        ((600, 550, 500), []),
    ],
)
def test_strips_take_less_than_half_of_the_free_memory(
    monkeypatch: pytest.MonkeyPatch, memory: tuple[int, int, int], started: list[int | None]
) -> None:
    monkeypatch.setattr(strip_runner, "free_memory", lambda device: 1000)
    backend, source = Backend(memory), Source.from_picture(np.zeros((9, 8, 3), np.uint8))
    runner = strip_runner.open_strip_runner(
        backend, source, ModelSpec(1, 4, 2), Box(0, 0, 8, 9), tile=None, largest_piece=64
    )
    assert (runner is None) == (not started)
    assert backend.started == started
