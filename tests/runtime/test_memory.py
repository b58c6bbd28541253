import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime import memory
from srdgan_rt.runtime.canvas import Canvas
from srdgan_rt.runtime.enlarge import enlarge_tensor
from srdgan_rt.runtime.memory import SMALLEST_TILE, choose_tile, estimate_bytes_per_pixel, free_memory

CPU = torch.device("cpu")
PAPER = ModelSpec(25, 64, 32, 4)
FAST = ModelSpec(4, 32, 16, 4)


def test_free_memory_is_between_nothing_and_the_machine():
    assert 2**20 < free_memory(CPU) < 2**50


UNSHUFFLED = ModelSpec(2, 64, 32, 2, unshuffle=2)


@pytest.mark.parametrize("spec", [PAPER, FAST, ModelSpec(2, 16, 8, 2), ModelSpec(1, 8, 64, 1), UNSHUFFLED])
def test_estimate_covers_what_pytorch_holds(spec):
    """More than the tensors that must be alive at once, and not beyond reason."""
    tail = spec.scale**2 * 2 * spec.num_features  # a convolution reads one map and writes another
    block = (spec.num_features + 4 * spec.growth_channels + spec.num_features) / spec.unshuffle**2
    assert estimate_bytes_per_pixel(spec, 4) >= 4 * max(tail, block)
    assert estimate_bytes_per_pixel(spec, 2) < estimate_bytes_per_pixel(spec, 4) < 5 * 4 * max(tail, block)


@pytest.mark.parametrize("spec", [PAPER, FAST])
@pytest.mark.parametrize("megabytes", [50, 300, 1000, 5000])
def test_tiles_fit_into_the_free_memory(monkeypatch, spec, megabytes):
    monkeypatch.setattr(memory, "free_memory", lambda device: megabytes * 10**6)
    tile = choose_tile(estimate_bytes_per_pixel(spec, 4), CPU, halo=32)
    if tile > SMALLEST_TILE:
        assert (tile + 64) ** 2 * estimate_bytes_per_pixel(spec, 4) <= megabytes * 10**6 / 2
    assert choose_tile(estimate_bytes_per_pixel(spec, 4), CPU, halo=32, batch=64) <= tile
    assert choose_tile(estimate_bytes_per_pixel(spec, 2), CPU, halo=32) >= tile


def test_plenty_of_memory_still_respects_the_caches(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 2**45)
    assert choose_tile(estimate_bytes_per_pixel(FAST, 4), CPU, halo=32) == memory.LARGEST_TILE["cpu"]
    assert choose_tile(estimate_bytes_per_pixel(FAST, 2), torch.device("cuda"), halo=32) == memory.LARGEST_TILE["cuda"]
    monkeypatch.setattr(memory, "free_memory", lambda device: 0)
    assert choose_tile(estimate_bytes_per_pixel(FAST, 4), CPU, halo=32) == SMALLEST_TILE


@pytest.mark.parametrize("gigabytes", [0.7, 1.3, 4.1, 9.7])
def test_the_tile_stays_the_same_from_picture_to_picture(monkeypatch, gigabytes):
    """What an engine holds for the last tile is free for the next one, and other programs take a little, or give it."""
    bytes_per_pixel, halo, margin = 6000, 32, 16
    held, tiles = 0, []
    for change in (0, 3e6, -2e6, 1e6, 0):
        monkeypatch.setattr(memory, "free_memory", lambda device: int(gigabytes * 1e9 + change - held))  # noqa: B023
        tiles.append(choose_tile(bytes_per_pixel, torch.device("cuda"), halo=halo, held_bytes=held))
        held = bytes_per_pixel * (tiles[-1] + margin + 2 * halo) ** 2
    assert set(tiles) == {tiles[0]}
    assert tiles[0] % 32 == 0


def test_available_memory(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 90 kB\nMemAvailable:   77 kB\n")
    assert memory._available_memory(tmp_path / "meminfo") == 77 * 1024
    assert memory._available_memory(tmp_path / "none") > 0


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what memory is held")
@pytest.mark.parametrize("kind", ["picture", "tensor"])
def test_strips_are_chosen_when_the_result_has_its_memory(kind):
    """Memory that is reserved and not written yet counts as free: the result and the strips were both given it."""
    held_then = []

    def open_runner(*_args):
        held_then.append(resident_bytes())
        raise NotImplementedError

    before = resident_bytes()
    if kind == "picture":
        canvas = Canvas(np.zeros((8, 8, 3), np.uint8), 8000, 8000)
        held_then.append(resident_bytes())
        assert not canvas.pixels.any()
    else:
        with pytest.raises(NotImplementedError):
            enlarge_tensor(torch.zeros(1, 3, 1000, 1000), 4, open_runner)
    assert held_then[0] - before > 180e6
