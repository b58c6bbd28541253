"""Runs tiles through a loaded engine: the next one is copied to the GPU while the last one is computed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt.tensorrt.device import Context, Device, Event, Stream

_NUM_SLOTS = 2


@dataclass
class _Slot:
    """Where a tile waits for its turn, on the host and on the device."""

    pinned: Tensor
    staged: Tensor
    uploaded: Event | None = None  # pinned may be written again
    taken: Event | None = None  # staged may be written again


@dataclass
class _Buffers:
    """Memory for tiles of one shape. What the engine is bound to never moves: it may keep a graph of its launches."""

    slots: Sequence[_Slot]
    source: Tensor
    target: Tensor
    workspace: Tensor


class TileExecutor:
    """An engine that is ready for tiles. Threads take turns.

    Args:
        context: the loaded engine; takes one picture at a time.
        device: where it runs.
        dtype: of the engine's input and output.
        scale: enlargement of the network.
        keep_kernels: called after the first, second, fourth, eighth, ... picture: kernels are compiled in the
            background, and nobody says when.
    """

    def __init__(
        self,
        context: Context,
        device: Device,
        dtype: torch.dtype,
        scale: int,
        keep_kernels: Callable[[Context], None] | None = None,
    ) -> None:
        self._context = context
        self._device = device
        self._dtype = dtype
        self._scale = scale
        self._keep_kernels = keep_kernels
        self._copies, self._runs = device.open_stream(), device.open_stream()
        self._buffers: _Buffers | None = None
        self._num_runs = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Memory on the device of the buffers for tiles of the last shape; another shape frees them."""
        buffers = self._buffers
        if buffers is None:
            return 0
        staged = [slot.staged for slot in buffers.slots]
        return sum(tensor.nbytes for tensor in (buffers.source, buffers.target, buffers.workspace, *staged))

    def run(self, x: Tensor) -> Tensor:
        """Enlarges a batch, one picture after the other.

        Args:
            x: ``(N, 3, H, W)`` floating point, on the host or on the device.

        Returns:
            ``(N, 3, scale * H, scale * W)`` float32 on the device; ready for the stream of the caller.
        """
        height, width = x.shape[2:]
        with self._lock:
            self._prepare((1, 3, height, width))
            runs_before = self._num_runs
            result = self._device.empty((x.shape[0], 3, self._scale * height, self._scale * width), torch.float32)
            caller = self._device.current_stream()
            # The result's memory may have been another tensor's, which work that was given before still uses.
            self._runs.wait(caller.record())
            for index in range(x.shape[0]):
                self._run_one(x[index : index + 1], result[index : index + 1], caller)
            done = self._runs.record()
            caller.wait(done)
            if self._keep_kernels is not None and self._num_runs.bit_length() > runs_before.bit_length():
                done.synchronize()
                self._keep_kernels(self._context)
        return result

    def _run_one(self, x: Tensor, result: Tensor, caller: Stream) -> None:
        buffers = self._buffers
        assert buffers is not None
        slot = buffers.slots[self._num_runs % _NUM_SLOTS]
        self._num_runs += 1
        if slot.taken is not None:
            self._copies.wait(slot.taken)
        if self._device.holds(x):
            self._copies.wait(caller.record())  # which makes x
            self._copies.copy(slot.staged, x)
        else:
            if slot.uploaded is not None:
                slot.uploaded.synchronize()
            slot.pinned.copy_(x)
            self._copies.copy(slot.staged, slot.pinned)
        slot.uploaded = self._copies.record()
        self._runs.wait(slot.uploaded)
        self._runs.copy(buffers.source, slot.staged)
        slot.taken = self._runs.record()
        self._context.enqueue(self._runs)
        self._runs.copy(result, buffers.target)

    def _prepare(self, shape: tuple[int, int, int, int]) -> None:
        """Makes buffers for a shape, unless they are there."""
        if self._buffers is not None and tuple(self._buffers.source.shape) == shape:
            return
        if self._buffers is not None:
            self._runs.record().synchronize()  # they are in use until then
            self._buffers = None  # before new ones are made: both may not fit
        workspace = self._context.set_shape(shape)
        height, width = (self._scale * side for side in shape[2:])
        slots = [
            _Slot(self._device.empty_pinned(shape, self._dtype), self._device.empty(shape, self._dtype))
            for _ in range(_NUM_SLOTS)
        ]
        self._buffers = _Buffers(
            slots,
            self._device.empty(shape, self._dtype),
            self._device.empty((1, 3, height, width), self._dtype),
            self._device.empty((max(1, workspace),), torch.uint8),
        )
        self._context.bind(self._buffers.source, self._buffers.target, self._buffers.workspace)
