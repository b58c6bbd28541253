"""Runs tiles through the CUDA kernels."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.ops import l2h_net_cuda_pack
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.engines import torch as torch_engine
from srdgan_rt.runtime.engines.cuda_library import CudaEngine, CudaLibrary
from srdgan_rt.runtime.engines.native import list_layers
from srdgan_rt.runtime.memory import is_out_of_memory
from srdgan_rt.tensorrt.accuracy import LOWEST_PSNR, measure_accuracy
from srdgan_rt.tensorrt.recipe import Profile

logger = logging.getLogger("srdgan_rt")

_TYPICAL_SIDE = 256  # of a tile whose memory stands for that of others
_LARGEST_PROBE = 96


class CudaBackend:
    """Runs the whole network as one CUDA graph for each size of tiles. Threads take turns.

    Args:
        model: the network; its weights are packed, which copies them.
        device: a CUDA device.
        precision: ``fp16`` or ``bf16``.
        half_sums: sum in float16, too.
        library: the compiled functions; those of the tests run on the CPU.

    Raises:
        BackendUnavailableError: CUDA refuses, the network has more channels than the kernels take, or its weights do
            not fit into the memory.
    """

    name = "cuda"
    largest_side = None

    def __init__(
        self, model: Model, device: torch.device, precision: str, *, half_sums: bool, library: CudaLibrary
    ) -> None:
        self.device = device
        self.precision = precision
        self.half_sums = half_sums
        self.one_shape = model.spec.unshuffle == 1  # tiles of others are aligned to the blocks that the network sees
        self._scale = model.net.scale
        try:
            net = l2h_net_cuda_pack(list_layers(model.net), precision, half_sums=half_sums)
        except InputError as error:
            raise BackendUnavailableError(f"the cuda engine cannot run this network: {error}") from None
        index = device.index if device.index is not None else _current_device(device)
        try:
            self._engine = CudaEngine(library, index, net, samples=torch.float32, planar=True)
        except MemoryError:
            raise BackendUnavailableError(f"not enough memory on {device} for the weights") from None
        planned = self._engine.device_bytes(_TYPICAL_SIDE, _TYPICAL_SIDE)
        self.bytes_per_pixel = -(-planned // _TYPICAL_SIDE**2) + 4 * 3 * (1 + self._scale**2)  # and PyTorch's copies
        self.held_bytes = 0
        self._lock = threading.Lock()

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        x = x.detach().to(torch.float32).contiguous()
        if x.device.type != "cpu":
            x = x.to(self.device)
        height, width = x.shape[2:]
        with self._lock:
            self._prepare(height, width)
            shape = (x.shape[0], 3, self._scale * height, self._scale * width)
            result = torch.empty(shape, dtype=torch.float32, device=self.device)
            stream = _current_stream(self.device)
            for picture, target in zip(x, result, strict=True):
                address = picture.data_ptr()
                if x.device.type == "cpu":
                    ctypes.memmove(self._engine.begin(), address, picture.nbytes)
                    address = None
                self._engine.submit(address, target.data_ptr(), stream)
        return result

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`: nothing is kept from call to call."""

    def _prepare(self, height: int, width: int) -> None:
        self.held_bytes = 0  # what was prepared is freed where that fails
        try:
            self._engine.prepare(height, width)
        except MemoryError:
            if self.device.type != "cuda":
                raise
            torch.cuda.empty_cache()  # PyTorch holds memory that nothing uses
            self._engine.prepare(height, width)
        self.held_bytes = self._engine.device_bytes(height, width)


def _current_device(device: torch.device) -> int:
    return torch.cuda.current_device() if device.type == "cuda" else 0


def _current_stream(device: torch.device) -> int:
    return int(torch.cuda.current_stream(device).cuda_stream) if device.type == "cuda" else 0


def open_backend(model: Model, device: torch.device, precision: str) -> CudaBackend:
    """Opens the backend, and compares it with fp32 first: these kernels have run on few sorts of GPU.

    GeForce multiplies twice as fast with sums in float16, so these are tried first there.

    Raises:
        BackendUnavailableError: CUDA refuses, or the results are wrong.
    """
    path = _ext.library()
    assert path is not None  # why_not() found it
    library = CudaLibrary(path)
    gpu = torch.cuda.get_device_name(device)

    def open_with(half_sums: bool) -> CudaBackend:
        return CudaBackend(model, device, precision, half_sums=half_sums, library=library)

    reference = torch_engine.create(model, device, "fp32")
    return choose_sums(open_with, reference, wants_half_sums="GeForce" in gpu and precision == "fp16")


def choose_sums(open_with: Callable[[bool], CudaBackend], reference: Backend, *, wants_half_sums: bool) -> CudaBackend:
    """The fastest backend that is right.

    Args:
        open_with: opens it, with sums in float16 or float32.
        reference: the same network in fp32.
        wants_half_sums: try sums in float16 first.

    Raises:
        BackendUnavailableError: even sums in float32 are wrong, or memory does not suffice to compare.
    """
    decibels = 0.0
    for half_sums in (True, False) if wants_half_sums else (False,):
        backend = open_with(half_sums)
        profile = Profile(1, _LARGEST_PROBE, _LARGEST_PROBE)
        try:
            figures = measure_accuracy(backend.run, reference.run, profile)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise BackendUnavailableError("not enough memory to compare the cuda engine with fp32") from None
        decibels = min(figures.values())
        lowest = LOWEST_PSNR[backend.precision]
        if decibels >= lowest:
            return backend
        if half_sums:
            logger.warning("sums in float16 are too inexact here (%.1f dB), float32 is used", decibels)
    raise BackendUnavailableError(
        f"the cuda engine is wrong here: its PSNR to fp32 must be at least {lowest:g} dB in {backend.precision}, "
        f"got {decibels:.1f}"
    )
