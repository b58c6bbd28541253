"""Free memory, and the largest tile that fits into it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime.control_groups import limit_free_memory

SMALLEST_TILE = 16

# Where memory is the limit, sides of cores are multiples of this. A little more or less free memory then gives the same
# tile, for which engines are ready already.
_STEP = 32

# Side of the largest core by device, in pixels of what the network sees. Larger tiles do not fit a CPU's caches (the
# paper's net runs a fifth slower on 256x256 pixels than on 128x128), while the share of the halo shrinks.
LARGEST_TILE = {"cpu": 256, "cuda": 1024}

# What PyTorch, ONNX Runtime and the C++ library say where memory ran out.
_NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Failed to allocate memory",
    "bad allocation",
    "std::bad_alloc",
)

# Share of the free memory that a tile may use; the rest is for the result, the allocator and other programs.
_SHARE = 0.5


def estimate_bytes_per_pixel(spec: ModelSpec, bytes_per_value: int) -> int:
    """Estimates the peak memory of a network's activations, per LR pixel of a tile.

    The peak is either in a dense block (its features, their concatenation, and the shortcuts around it) or in the tail,
    which has three feature maps of the result's size at once: enlarged, convolved, activated.

    Args:
        spec: sizes of the network.
        bytes_per_value: 4 for fp32, 2 for fp16 and bf16.

    Returns:
        Bytes per LR pixel, rather too high than too low: peaks measured on the CPU were 0.75 to 0.97 of it with the
        engine torch, and 0.25 to 0.79 with onnxruntime. The engine native knows the memory of its strips and seldom
        needs tiles.
    """
    dense_block = 2 * (spec.num_features + 4 * spec.growth_channels) + 4 * spec.num_features
    tail = spec.enlargement**2 * 3 * spec.num_features + spec.num_features
    features = max(dense_block, tail) * bytes_per_value // spec.unshuffle**2
    picture = 4 * 3 * (1 + spec.scale**2)  # input and result are fp32
    return (features + picture) * 4 // 3  # workspace of the convolutions


def choose_tile(
    bytes_per_pixel: int,
    device: torch.device,
    *,
    halo: int,
    unshuffle: int = 1,
    batch: int = 1,
    held_bytes: int = 0,
) -> int:
    """Chooses the largest tile that fits the free memory and the device's caches.

    Args:
        bytes_per_pixel: memory per LR pixel of a tile, as the backend states it.
        device: device that the network runs on.
        halo: LR pixels read around a tile.
        unshuffle: factor of the network's pixel-unshuffle.
        batch: number of pictures in a batch.
        held_bytes: memory that the backend holds for tiles of the last size; it is free for those of another size.

    Returns:
        Side of a tile's core in LR pixels, at least ``SMALLEST_TILE``.
    """
    pixels = _SHARE * (free_memory(device) + held_bytes) / (bytes_per_pixel * batch)
    fitting = (math.isqrt(max(int(pixels), 0)) - 2 * halo) // _STEP * _STEP
    return max(SMALLEST_TILE, min(LARGEST_TILE[device.type] * unshuffle, fitting))


def limit_tile(tile: int, largest_side: int | None, *, halo: int, margin: int) -> int:
    """Reduces a tile so that what it reads is no longer than what a backend takes.

    Args:
        tile: side of a tile's core in LR pixels.
        largest_side: longest side that the backend takes, or None.
        halo: LR pixels read around a core.
        margin: LR pixels by which a core may be larger than ``tile``.

    Returns:
        Side of a tile's core in LR pixels.
    """
    if largest_side is None:
        return tile
    return min(tile, max(SMALLEST_TILE, largest_side - 2 * halo - margin))


def free_memory(device: torch.device) -> int:
    """Bytes that can be allocated on a device without paging or being killed."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    return limit_free_memory(_available_memory(Path("/proc/meminfo")))


def _available_memory(meminfo: Path) -> int:
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out. On the CPU, PyTorch has no type of its own for that."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and tells_of_missing_memory(error)


def tells_of_missing_memory(error: BaseException) -> bool:
    """Whether the text of a library's error says that memory ran out."""
    return any(phrase in str(error) for phrase in _NO_MEMORY)
