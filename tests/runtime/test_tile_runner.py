import logging

import pytest
import torch

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime import memory
from srdgan_rt.runtime.guard import GuardedBackend
from srdgan_rt.runtime.memory import SMALLEST_TILE
from srdgan_rt.runtime.runner import open_runner
from srdgan_rt.runtime.self_ensemble import SelfEnsemble
from srdgan_rt.runtime.source import Source
from srdgan_rt.runtime.tile_runner import RESAMPLING_MARGIN, TileRunner
from srdgan_rt.tiling import Box


class SmallMemory:
    """Enlarges by repetition, and fails like an allocator on more than ``capacity`` pixels."""

    name, device, precision = "fake", torch.device("cpu"), "fp32"

    def __init__(self, capacity, error):
        self.capacity = capacity
        self.error = error
        self.sizes = []

    def run(self, x):
        if x.shape[2] * x.shape[3] > self.capacity:
            raise self.error
        self.sizes.append(x.shape[2] * x.shape[3])
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


CPU_ERROR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.\nmore")
ERRORS = [CPU_ERROR, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), MemoryError()]


def make(backend, picture, tile, halo=2, one_shape=False):
    def read(box):
        rows = torch.arange(box.y, box.bottom).clamp(0, picture.shape[2] - 1)
        columns = torch.arange(box.x, box.right).clamp(0, picture.shape[3] - 1)
        return picture[:, :, rows][..., columns]

    backend.one_shape = one_shape
    spec = ModelSpec(num_blocks=1, num_features=4, growth_channels=2, halo=halo, border_padding=1)
    return TileRunner(backend, Source(read, *picture.shape[2:]), spec, tile=tile)


@pytest.mark.parametrize("error", ERRORS)
def test_goes_on_with_smaller_tiles_when_memory_runs_out(caplog, error):
    picture = torch.rand(1, 3, 90, 130)
    backend = SmallMemory(40 * 40, error)
    runner = make(backend, picture, tile=128 - RESAMPLING_MARGIN)
    with caplog.at_level(logging.WARNING, "srdgan_rt"):
        first = runner.enlarge(Box(0, 0, 130, 90))
        failures = len(caplog.records)
        second = runner.enlarge(Box(10, 20, 100, 60))
    whole = picture.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(first, whole)
    assert torch.equal(second, whole[..., 80:320, 40:440])
    assert caplog.records[0].getMessage() == "memory ran out on a tile of 90 pixels; going on with tiles of 45"
    assert 1 <= failures <= 3
    assert len(caplog.records) == failures  # the size that fits is remembered: nothing fails twice
    assert max(backend.sizes) <= 40 * 40


def test_says_so_when_even_the_smallest_tile_fails():
    runner = make(SmallMemory(0, CPU_ERROR), torch.rand(1, 3, 100, 50), tile=64)
    with pytest.raises(BackendUnavailableError, match=r"not enough memory on cpu: even a tile of 1\d pixels") as caught:
        runner.enlarge(Box(0, 0, 50, 100))
    assert "\n" not in str(caught.value)


def test_other_errors_are_not_taken_for_missing_memory():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        make(
            SmallMemory(0, RuntimeError("mat1 and mat2 shapes cannot be multiplied")), torch.rand(1, 3, 9, 9), 4
        ).enlarge(Box(0, 0, 9, 9))


def test_what_the_backend_holds_counts_as_free(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 0)
    backend = SmallMemory(10**6, CPU_ERROR)
    backend.bytes_per_pixel, backend.largest_side, backend.one_shape, backend.held_bytes = 100, None, False, 0
    wrapped = SelfEnsemble(GuardedBackend(backend, lambda: backend), scale=4)
    wrapped.bytes_per_pixel = 100
    source = Source.from_tensor(torch.rand(1, 3, 400, 400))
    for held, tile in ((0, SMALLEST_TILE), (2 * 100 * 104**2, 96)):
        backend.held_bytes = held
        spec = ModelSpec(1, 4, 2, halo=2)
        runner = open_runner(wrapped, source, spec, source.bounds, tile=None, outscale=4)
        assert runner.largest_core == tile + RESAMPLING_MARGIN


def test_tiles_of_one_shape():
    """A piece of 1 pixel, the margin for resampling and two halos of 2: 21 pixels a side."""
    picture = torch.rand(1, 3, 50, 33)
    backend = SmallMemory(21 * 21, CPU_ERROR)
    runner = make(backend, picture, tile=1, one_shape=True)
    whole = picture.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(runner.enlarge(Box(0, 0, 33, 50)), whole)
    assert torch.equal(runner.enlarge(Box(5, 7, 3, 2)), whole[..., 28:36, 20:32])
    small = make(backend, picture[..., :3, :2], tile=1, one_shape=True)
    assert torch.equal(small.enlarge(Box(0, 0, 2, 3)), whole[..., :12, :8])
    assert set(backend.sizes) == {21 * 21, 5 * 4}
