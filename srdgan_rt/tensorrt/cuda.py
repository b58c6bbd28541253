"""The calls into CUDA and TensorRT, and nothing else: what has never been run on a GPU is this file alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.tensorrt.device import Context, Event, Stream
from srdgan_rt.tensorrt.library import INPUT, OUTPUT, Library, describe_errors, open_logger

_PATIENCE = 10.0  # seconds for nvidia-smi, which may have to wake a GPU


class CudaStream:
    """See :class:`srdgan_rt.tensorrt.device.Stream`."""

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self.stream = stream

    def copy(self, target: Tensor, source: Tensor) -> None:
        with torch.cuda.stream(self.stream):
            target.copy_(source, non_blocking=True)

    def record(self) -> Event:
        event: Event = self.stream.record_event()
        return event

    def wait(self, event: Event) -> None:
        assert isinstance(event, torch.cuda.Event)
        self.stream.wait_event(event)


class CudaDevice:
    """See :class:`srdgan_rt.tensorrt.device.Device`.

    Attributes:
        gpu: name of the GPU alone.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.gpu: str = torch.cuda.get_device_name(device)
        self.driver = read_driver()
        self.name = f"{self.gpu}, driver {self.driver or 'unknown'}"

    def holds(self, x: Tensor) -> bool:
        return x.device.type == self._device.type

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.empty(tuple(shape), dtype=dtype, device=self._device)

    def empty_pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)

    def open_stream(self) -> Stream:
        return CudaStream(torch.cuda.Stream(self._device))

    def current_stream(self) -> Stream:
        return CudaStream(torch.cuda.current_stream(self._device))


def read_driver(path: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Version of the driver as the kernel module states it, or else ``nvidia-smi``; empty where neither does."""
    try:
        line = path.read_text(encoding="ascii", errors="replace").partition("\n")[0]
    except OSError:  # WSL2 has no kernel module
        line = ""
    found = re.search(r"\s(\d+(\.\d+)+)\s", line)
    return found[1] if found else _ask_for_driver()


def _ask_for_driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError):  # ValueError: it is no text
        return ""
    found = re.match(r"\d+(\.\d+)+", answer)  # a line for each GPU
    return found[0] if found else ""


class TensorRTRuntime:
    """See :class:`srdgan_rt.tensorrt.device.Runtime`.

    Args:
        library: the installed TensorRT.
        device: a CUDA device.
    """

    def __init__(self, library: Library, device: torch.device) -> None:
        self._library = library
        self._device = device
        self._logger = open_logger(library)

    def load(self, plan: bytes, kernels: bytes | None) -> Context:
        trt = self._library.module
        self._logger.messages.clear()
        with self.select():
            runtime = trt.Runtime(self._logger)
            engine = None if runtime is None else runtime.deserialize_cuda_engine(plan)
            if engine is None:
                raise self._refuse("cannot load the engine")
            # Memory comes from PyTorch, for the shape that runs: what does not fit is tried with smaller tiles.
            strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
            cache = None
            if self._library.is_rtx:
                config = engine.create_runtime_config()
                config.set_execution_context_allocation_strategy(strategy)
                config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
                # A folder of small pictures has many shapes: none waits until kernels for its own are compiled.
                specialization = trt.DynamicShapesKernelSpecializationStrategy.LAZY
                config.dynamic_shapes_kernel_specialization_strategy = specialization
                cache = config.create_runtime_cache()
                if kernels is not None:
                    cache.deserialize(kernels)  # False where they are of another driver: they are compiled again
                config.set_runtime_cache(cache)
                context = engine.create_execution_context(config)
            else:
                context = engine.create_execution_context(strategy)
            if context is None:
                raise self._refuse("cannot prepare the engine")
        return TensorRTContext(self, (runtime, engine, context), cache)

    def select(self) -> torch.cuda.device:
        """Makes the device the current one, as TensorRT expects of its callers."""
        return torch.cuda.device(self._device)

    def _refuse(self, what: str) -> BackendUnavailableError:
        return BackendUnavailableError(f"{self._library.name} {what}: {describe_errors(self._logger.messages)}")

    def call(self, what: str, done: bool) -> None:
        """Raises what the log says of a call that returned False."""
        if not done:
            raise self._refuse(what)


class TensorRTContext:
    """See :class:`srdgan_rt.tensorrt.device.Context`."""

    def __init__(self, runtime: TensorRTRuntime, objects: tuple[Any, Any, Any], cache: Any) -> None:
        self._runtime = runtime
        self._objects = objects  # the first two must live as long as the context
        self._context = objects[2]
        self._cache = cache

    def set_shape(self, shape: Sequence[int]) -> int:
        with self._runtime.select():
            self._runtime.call(f"takes no input of {tuple(shape)}", self._context.set_input_shape(INPUT, tuple(shape)))
            return int(self._context.update_device_memory_size_for_shapes())

    def bind(self, source: Tensor, target: Tensor, workspace: Tensor) -> None:
        for name, tensor in ((INPUT, source), (OUTPUT, target)):
            self._runtime.call(f"cannot bind {name}", self._context.set_tensor_address(name, tensor.data_ptr()))
        self._context.set_device_memory(workspace.data_ptr(), workspace.numel())

    def enqueue(self, stream: Stream) -> None:
        assert isinstance(stream, CudaStream)
        with self._runtime.select():
            self._runtime.call("cannot run", self._context.execute_async_v3(stream.stream.cuda_stream))

    def serialize_kernels(self) -> bytes | None:
        if self._cache is None:
            return None
        with self._runtime.select():
            content = self._cache.serialize()
        return None if content is None else bytes(memoryview(content))
