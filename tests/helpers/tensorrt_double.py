"""Stands in for the GPU and for TensorRT: executes ONNX files with onnxruntime, and every stream as late as it may.

Work that is given to a stream is done only when somebody waits for it, and new memory is filled with NaN. A copy or a
wait that is missing or comes too late therefore shows in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from srdgan_rt.runtime.engines import tensorrt_backend
from srdgan_rt.runtime.engines.tensorrt_provider import EngineProvider
from srdgan_rt.tensorrt.build import BuiltEngine
from srdgan_rt.tensorrt.library import Library
from srdgan_rt.tensorrt.task import BuildTask, plan_build

WORKSPACE = 64


class LateEvent:
    def __init__(self, stream: LateStream, end: int) -> None:
        self._stream, self._end = stream, end

    def synchronize(self) -> None:
        self._stream.execute(self._end)


class LateStream:
    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []
        self._done = 0

    def add(self, work: Callable[[], None]) -> None:
        self._work.append(work)

    def copy(self, target: Tensor, source: Tensor) -> None:
        self.add(lambda: _copy(target, source))

    def record(self) -> LateEvent:
        return LateEvent(self, len(self._work))

    def wait(self, event: LateEvent) -> None:
        self.add(event.synchronize)

    def execute(self, end: int) -> None:
        while self._done < end:
            self._done += 1
            self._work[self._done - 1]()


def _copy(target: Tensor, source: Tensor) -> None:
    target.copy_(source)


class CallerStream(LateStream):
    """The caller's own stream: tests compute on the CPU, which has done its work before anything else happens."""

    def wait(self, event: LateEvent) -> None:
        event.synchronize()


class LateDevice:
    """A GPU whose memory is the host's."""

    name = "Double 4090, driver 1.2"
    driver = "1.2"

    def __init__(self, *, holds: bool = False) -> None:
        self._holds = holds

    def holds(self, x: Tensor) -> bool:
        return self._holds

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        tensor = torch.empty(tuple(shape), dtype=dtype)
        return tensor.fill_(torch.nan) if dtype.is_floating_point else tensor

    empty_pinned = empty

    def open_stream(self) -> LateStream:
        return LateStream()

    def current_stream(self) -> CallerStream:
        return CallerStream()


class OnnxContext:
    """Runs an ONNX file; ``fault`` changes what it computes."""

    def __init__(self, graph: bytes, fault: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._fault = fault
        self.shapes: list[tuple[int, ...]] = []
        self.bound: list[tuple[int, ...]] = []

    def set_shape(self, shape: Sequence[int]) -> int:
        self.shapes.append(tuple(shape))
        return WORKSPACE

    def bind(self, source: Tensor, target: Tensor, workspace: Tensor) -> None:
        assert workspace.numel() == WORKSPACE
        assert tuple(source.shape) == self.shapes[-1]
        self._source, self._target = source, target

    def enqueue(self, stream: LateStream) -> None:
        source, target = self._source, self._target
        self.bound.append((source.data_ptr(), target.data_ptr()))

        def run() -> None:
            (result,) = self._session.run(None, {"input": source.numpy()})
            target.copy_(self._fault(torch.from_numpy(result)))

        stream.add(run)

    def serialize_kernels(self) -> bytes:
        return str(sorted(set(self.shapes))).encode()


class OnnxRuntimeDouble:
    """Loads "engines" that are ONNX files."""

    def __init__(self, fault: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        self._fault = fault
        self.kernels: list[bytes | None] = []

    def load(self, plan: bytes, kernels: bytes | None) -> OnnxContext:
        self.kernels.append(kernels)
        self.context = OnnxContext(plan, self._fault)
        return self.context


class Machine:
    """A machine with a GPU: its engines are ONNX files.

    Attributes:
        forms: of the engines that were built.
        before_build: called when a build begins, whether in the background or not.
    """

    def __init__(self) -> None:
        self.runtime = OnnxRuntimeDouble()
        self.gpu = LateDevice()
        self.forms: list[str] = []
        self.before_build: Callable[[], None] = lambda: None

    def open_provider(self, model, device, precision) -> EngineProvider:
        """What takes the place of the function of this name."""
        plan = partial(self.plan, model, precision)
        return EngineProvider(model, device, precision, plan=plan, runtime=self.runtime, gpu=self.gpu)

    def plan(self, model, precision, *, form, ranges=None) -> BuildTask:
        """A task that "builds" an engine of a model."""
        library = Library("tensorrt", "11.0.0", None)
        profile = tensorrt_backend.plan_profile(model.spec, precision, 10**9)
        options = {"precision": precision, "profile": profile, "targets": ("sm89",), "library": library}
        task = plan_build(model, form=form, ranges=ranges, **options)

        class Task(BuildTask):
            def build(task, report=None, *, background=False):  # noqa: N805
                task.check_ranges()
                self.before_build()
                self.forms.append(form)
                return BuiltEngine(task.graph, 1000 * profile.largest**2, [])

        return Task(task.recipe, task.graph)
