"""The calls into TensorRT at run time, as far as they can be tried without a GPU."""

from __future__ import annotations

import contextlib
import types

import pytest
import torch

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.tensorrt import cuda, library
from srdgan_rt.tensorrt.cuda import CudaStream, TensorRTContext, TensorRTRuntime
from srdgan_rt.tensorrt.library import Library, find_library

DEVICE = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def no_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())


def test_the_real_library_has_all_that_is_called():
    trt = pytest.importorskip("tensorrt_rtx")
    needed = {
        trt.Runtime: ["deserialize_cuda_engine"],
        trt.ICudaEngine: ["create_runtime_config", "create_execution_context"],
        trt.IRuntimeConfig: [
            "set_execution_context_allocation_strategy",
            "cuda_graph_strategy",
            "dynamic_shapes_kernel_specialization_strategy",
            "create_runtime_cache",
            "set_runtime_cache",
        ],
        trt.IRuntimeCache: ["serialize", "deserialize"],
        trt.IExecutionContext: [
            "set_input_shape",
            "update_device_memory_size_for_shapes",
            "set_tensor_address",
            "set_device_memory",
            "execute_async_v3",
        ],
        trt.ExecutionContextAllocationStrategy: ["USER_MANAGED"],
        trt.CudaGraphStrategy: ["WHOLE_GRAPH_CAPTURE"],
        trt.DynamicShapesKernelSpecializationStrategy: ["LAZY"],
    }
    assert [(kind, name) for kind, names in needed.items() for name in names if not hasattr(kind, name)] == []


def test_an_engine_that_cannot_be_loaded_is_one_line():
    pytest.importorskip("tensorrt_rtx")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendUnavailableError, match="tensorrt_rtx cannot load the engine: Error Code") as raised:
        TensorRTRuntime(find_library(), DEVICE).load(b"no engine", None)
    assert "\n" not in str(raised.value)


class FakeLibrary:
    """TensorRT's objects; notes the calls in order."""

    def __init__(self, *, accepts=True):
        self.calls = []
        self.accepts = accepts
        self.ILogger = object
        self.ExecutionContextAllocationStrategy = types.SimpleNamespace(USER_MANAGED="own memory")
        self.CudaGraphStrategy = types.SimpleNamespace(WHOLE_GRAPH_CAPTURE="graph")
        self.DynamicShapesKernelSpecializationStrategy = types.SimpleNamespace(LAZY="lazy")

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append((name, *(argument for argument in arguments if argument is not self)))
            if name == "update_device_memory_size_for_shapes":
                return 4096
            if name == "serialize":
                return b"kernels"
            return self.accepts if name.startswith(("set_", "execute")) else self

        return call


@pytest.fixture
def load(monkeypatch):
    def load(name, **options):
        monkeypatch.setattr(library, "_logger", None)
        fake = FakeLibrary(**options)
        return fake, TensorRTRuntime(Library(name, "1", fake), DEVICE).load(b"plan", b"old kernels")

    return load


def test_rtx_gets_its_kernels_back_and_memory_of_pytorch(load):
    fake, context = load("tensorrt_rtx")
    assert fake.cuda_graph_strategy == "graph"
    assert fake.dynamic_shapes_kernel_specialization_strategy == "lazy"
    assert ("set_execution_context_allocation_strategy", "own memory") in fake.calls
    assert ("deserialize", b"old kernels") in fake.calls
    assert context.serialize_kernels() == b"kernels"


def test_a_run_in_order(load):
    fake, context = load("tensorrt_rtx")
    fake.calls.clear()
    assert context.set_shape((1, 3, 4, 5)) == 4096
    source, target, workspace = torch.zeros(3), torch.zeros(4), torch.zeros(4096, dtype=torch.uint8)
    context.bind(source, target, workspace)
    context.enqueue(CudaStream(types.SimpleNamespace(cuda_stream=7)))
    assert fake.calls == [
        ("set_input_shape", "input", (1, 3, 4, 5)),
        ("update_device_memory_size_for_shapes",),
        ("set_tensor_address", "input", source.data_ptr()),
        ("set_tensor_address", "output", target.data_ptr()),
        ("set_device_memory", workspace.data_ptr(), 4096),
        ("execute_async_v3", 7),
    ]


def test_classic_tensorrt_has_no_runtime_config(load):
    fake, context = load("tensorrt")
    assert ("create_execution_context", "own memory") in fake.calls
    assert "create_runtime_config" not in {call[0] for call in fake.calls}
    assert context.serialize_kernels() is None


def test_what_is_refused_is_an_error(load):
    _, context = load("tensorrt", accepts=False)
    assert isinstance(context, TensorRTContext)
    with pytest.raises(BackendUnavailableError, match=r"tensorrt takes no input of \(1, 3, 4, 5\): it gave no reason"):
        context.set_shape((1, 3, 4, 5))
    with pytest.raises(BackendUnavailableError, match="tensorrt cannot bind input"):
        context.bind(torch.zeros(1), torch.zeros(1), torch.zeros(1))
    with pytest.raises(BackendUnavailableError, match="tensorrt cannot run"):
        context.enqueue(CudaStream(types.SimpleNamespace(cuda_stream=7)))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 581.42; echo 581.42", "581.42"),
        ("echo 581.42; exit 9", ""),
        ("echo 'NVIDIA-SMI has failed'", ""),
        ("printf '\\377'", ""),
        ("sleep 60", ""),
        (None, ""),
    ],
)
def test_without_a_kernel_module_the_driver_is_asked_for(tmp_path, monkeypatch, script, expected):
    """As in WSL2."""
    monkeypatch.setattr(cuda, "_PATIENCE", 0.5)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if script else str(tmp_path))
    if script:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script.replace('sleep', 'exec sleep')}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert cuda.read_driver(tmp_path / "none") == expected


def test_the_driver_is_read_where_there_is_one(tmp_path):
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Sep 23\nGCC\n")
    assert cuda.read_driver(tmp_path / "version") == "580.95.05"
