"""Runs tiles through a TensorRT engine."""

from __future__ import annotations

import math
from contextlib import suppress

import torch
from torch import Tensor

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError
from srdgan_rt.models import ModelSpec
from srdgan_rt.runtime.backend import DTYPES
from srdgan_rt.runtime.memory import LARGEST_TILE, estimate_bytes_per_pixel
from srdgan_rt.runtime.tile_runner import RESAMPLING_MARGIN
from srdgan_rt.tensorrt import ENGINE_NAME
from srdgan_rt.tensorrt.device import Context, Device, Runtime
from srdgan_rt.tensorrt.executor import TileExecutor
from srdgan_rt.tensorrt.files import StoredEngine
from srdgan_rt.tensorrt.recipe import Profile

_DTYPES = {**DTYPES, "int8": torch.float16}  # the engine native has maps in fp32 there

_STEP = 64  # sides of profiles are multiples of it
_SHARE = 0.5  # of the device's memory that the largest tile may take


def plan_profile(spec: ModelSpec, precision: str, memory: int | None = None) -> Profile:
    """The sizes of tiles that an engine has to take.

    Args:
        spec: sizes of the network.
        precision: of the engine.
        memory: bytes of the device; None for any device, as for an engine that is built ahead of time.

    Returns:
        From a picture of one block to the largest tile that :func:`srdgan_rt.runtime.memory.choose_tile` can choose,
        which is also the size that most tiles have.
    """
    side = LARGEST_TILE["cuda"] * spec.unshuffle + 2 * spec.halo + RESAMPLING_MARGIN
    largest = -(-side // _STEP) * _STEP
    if memory is not None:
        fitting = math.isqrt(int(_SHARE * memory / estimate_bytes_per_pixel(spec, _DTYPES[precision].itemsize)))
        largest = max(_STEP, min(largest, fitting // _STEP * _STEP))
    return Profile(spec.unshuffle, largest, largest)


class TensorRTBackend:
    """Runs tiles through a loaded engine.

    Args:
        spec: sizes of the network.
        device: a CUDA device.
        precision: of the engine.
        stored: the engine.
        runtime: loads it.
        gpu: runs it.

    Raises:
        BackendUnavailableError: the engine cannot be loaded.
    """

    name = ENGINE_NAME

    def __init__(
        self,
        spec: ModelSpec,
        device: torch.device,
        precision: str,
        stored: StoredEngine,
        runtime: Runtime,
        gpu: Device,
    ) -> None:
        manifest = stored.manifest
        self.device = device
        self.precision = precision
        self.one_shape = spec.unshuffle == 1  # tiles of others are aligned to the blocks that the network sees
        self.largest_side = manifest.recipe.profile.largest
        self.bytes_per_pixel = estimate_bytes_per_pixel(spec, _DTYPES[precision].itemsize)
        if manifest.activation_bytes is not None:
            # What the builder planned, the result in the engine's type and in fp32, and the copies of the input.
            pictures = 3 * (_DTYPES[precision].itemsize + 4) * (1 + spec.scale**2)
            self.bytes_per_pixel = -(-manifest.activation_bytes // self.largest_side**2) + pictures
        self._stored = stored
        self._gpu = gpu
        kernels = None
        if stored.files is not None:
            with suppress(OSError):  # not there yet
                kernels = stored.files.kernels(gpu.name).read_bytes()
        self._kernels = kernels
        context = runtime.load(stored.plan, kernels)
        self._executor = TileExecutor(context, gpu, _DTYPES[precision], spec.scale, self._keep_kernels)

    @property
    def held_bytes(self) -> int:
        """See :attr:`srdgan_rt.runtime.backend.Backend.held_bytes`."""
        return self._executor.held_bytes

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        if max(x.shape[2:]) > self.largest_side:
            raise InputError(f"the engine takes tiles of up to {self.largest_side} pixels, got {tuple(x.shape[2:])}")
        return self._executor.run(x)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`: nothing is kept from call to call."""

    def _keep_kernels(self, context: Context) -> None:
        """Keeps what was compiled so far, so that the next process need not compile it."""
        kernels = context.serialize_kernels()
        if self._stored.files is None or kernels is None or kernels == self._kernels:
            return
        self._kernels = kernels
        with suppress(OSError), replace_file(self._stored.files.kernels(self._gpu.name)) as file:
            file.write(kernels)
