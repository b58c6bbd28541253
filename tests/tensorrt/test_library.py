"""Which TensorRT is taken, and what is said where there is none that can be used."""

from __future__ import annotations

import importlib.machinery
import sys
import types

import pytest
import torch

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import L2HNet
from srdgan_rt.tensorrt import library
from srdgan_rt.tensorrt.recipe import Profile
from srdgan_rt.tensorrt.task import plan_build


def install(monkeypatch, name, version=None, **contents):
    """Puts a package of this name in place; without a version it is absent."""
    module = None
    if version is not None:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        vars(module).update(contents, __version__=version)
    monkeypatch.setitem(sys.modules, name, module)


def test_rtx_goes_first(monkeypatch):
    install(monkeypatch, "tensorrt", "10.13.2")
    install(monkeypatch, "tensorrt_rtx", "1.7.1")
    assert (library.find_library().name, library.find_library().is_rtx) == ("tensorrt_rtx", True)
    install(monkeypatch, "tensorrt_rtx")
    assert (library.find_library().name, library.find_library().is_rtx) == ("tensorrt", False)


def test_says_what_to_install(monkeypatch):
    install(monkeypatch, "tensorrt")
    install(monkeypatch, "tensorrt_rtx")
    expected = r"neither tensorrt_rtx nor tensorrt is installed: pip install 'srdgan_rt\[tensorrt-rtx\]'"
    with pytest.raises(BackendUnavailableError, match=expected):
        library.find_library()


def test_old_versions_and_stubs_are_refused(monkeypatch):
    install(monkeypatch, "tensorrt_rtx")
    install(monkeypatch, "tensorrt", "8.6.1")
    with pytest.raises(BackendUnavailableError, match=r"tensorrt must be 10.1 or newer, got 8.6.1"):
        library.find_library()
    install(monkeypatch, "tensorrt", "10.0.1")
    with pytest.raises(BackendUnavailableError, match=r"tensorrt must be 10.1 or newer, got 10.0.1"):
        library.find_library()
    monkeypatch.delattr(sys.modules["tensorrt"], "__version__")
    with pytest.raises(BackendUnavailableError, match="tensorrt is installed but cannot be loaded"):
        library.find_library()


def test_classic_tensorrt_builds_for_the_gpu_in_the_machine(monkeypatch):
    pytest.importorskip("onnx")
    install(monkeypatch, "tensorrt_rtx")
    install(monkeypatch, "tensorrt", "11.0.0")
    model = Model.from_net(L2HNet(1, 4, 2))
    options = {"precision": "fp16", "profile": Profile(1, 64, 64), "gpu": "RTX 4090", "driver": "580.1"}
    options["library"] = library.find_library()
    recipe = plan_build(model, targets=("sm90",), **options).recipe
    assert (recipe.library, recipe.gpu, recipe.driver, recipe.targets) == ("tensorrt", "RTX 4090", "580.1", ("sm90",))
    with pytest.raises(BackendUnavailableError, match="builds for one GPU, the one in this machine, got sm80, sm89"):
        plan_build(model, targets=("sm80", "sm89"), **options)


class Recorder:
    """Has every attribute; notes the calls."""

    def __init__(self, calls, name=""):
        self._calls, self._name = calls, name

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorder(self._calls, f"{self._name}.{name}".lstrip("."))

    def __call__(self, *arguments):
        self._calls.append(self._name)
        return b"plan" if self._name.endswith("build_serialized_network") else Recorder(self._calls, self._name)

    def __int__(self):
        return 0


@pytest.mark.parametrize("is_rtx", [True, False])
def test_only_rtx_is_asked_for_compute_capabilities(monkeypatch, is_rtx, recipe):
    """Version 11 has neither precision flags nor a flag for strong types, and the classic package no targets."""
    from srdgan_rt.tensorrt.worker import build_plan

    calls = []
    trt = types.SimpleNamespace(
        ILogger=object,
        IProgressMonitor=object,
        Builder=Recorder(calls, "Builder"),
        OnnxParser=Recorder(calls, "OnnxParser"),
        ProfilingVerbosity=types.SimpleNamespace(DETAILED=2),
        NetworkDefinitionCreationFlag=types.SimpleNamespace(),
        BuilderFlag=types.SimpleNamespace(TF32=7),
        PreviewFeature=types.SimpleNamespace(RUNTIME_ACTIVATION_RESIZE_10_10=2),
        Runtime=Recorder(calls, "Runtime"),
        LayerInformationFormat=types.SimpleNamespace(ONELINE=0),
        ComputeCapability=types.SimpleNamespace(SM80=80, SM89=89),
    )
    monkeypatch.setattr(library, "_logger", None)
    name = "tensorrt_rtx" if is_rtx else "tensorrt"
    plan, messages = build_plan(library.Library(name, "1", trt), b"graph", recipe, lambda fraction: True)
    assert plan == b"plan"
    assert sum("set_compute_capability" in call for call in calls) == (2 if is_rtx else 0)
    assert any("clear_flag" in call for call in calls) != is_rtx
    assert any("set_preview_feature" in call for call in calls)
    inspected = [call for call in calls if call.endswith("get_engine_information")]
    assert (len(inspected), len(messages)) == ((0, 0) if is_rtx else (1, 1))


def test_the_engine_names_the_reason(monkeypatch):
    from srdgan_rt.runtime.engines import tensorrt as engine

    install(monkeypatch, "tensorrt_rtx", "1.7.1")
    cuda = torch.device("cuda", 0)
    assert "runs on CUDA devices only, not on cpu" in engine.why_not(torch.device("cpu"), "fp32")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert engine.why_not(cuda, "fp16") == "tensorrt_rtx runs on sm75, sm80, sm86, sm89, sm120, not on sm90"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    assert engine.why_not(cuda, "fp8") == "fp8 needs sm89 or newer, got sm86"
    assert engine.why_not(cuda, "int8") is None
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 9))
    assert engine.why_not(cuda, "fp8") is None
    assert engine.why_not(cuda, "fp16") is None
