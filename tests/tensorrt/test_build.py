"""TensorRT-RTX builds engines without a GPU."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from srdgan_rt.checkpoint import Model, load_model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import measure_input_ranges
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.engines.tensorrt_backend import plan_profile
from srdgan_rt.tensorrt import build as build_module
from srdgan_rt.tensorrt import library
from srdgan_rt.tensorrt.build import build_engine
from srdgan_rt.tensorrt.files import EngineFiles, read_engine, write_engine
from srdgan_rt.tensorrt.header import read_header
from srdgan_rt.tensorrt.layers import count_layers
from srdgan_rt.tensorrt.recipe import Profile
from srdgan_rt.tensorrt.targets import RTX_TARGETS
from srdgan_rt.tensorrt.task import check_bytes, plan_build
from srdgan_rt.tensorrt.worker import build_plan

pytest.importorskip("onnx")
pytest.importorskip("tensorrt_rtx")

ALL = tuple(RTX_TARGETS)


@pytest.fixture(scope="module")
def rtx():
    return library.find_library()


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return Model.from_net(L2HNet(1, 16, 8))


def plan(model, rtx, **changes):
    options = {"precision": "fp16", "profile": Profile(1, 64, 128), "targets": ("sm89",), "library": rtx}
    return plan_build(model, **{**options, **changes})


@pytest.fixture(scope="module")
def built(tiny, rtx):
    """A tiny engine, its task, and what was told of its progress."""
    shares = []
    task = plan(tiny, rtx, targets=ALL)
    return task, task.build(shares.append), shares


def test_one_file_for_all_gpus(built, rtx):
    _, engine, shares = built
    assert read_header(engine.plan).targets == ALL
    assert read_header(engine.plan).version == rtx.version
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert 0.5 < shares[-1] <= 1


def test_its_layers_and_memory_are_known(built):
    _, engine, _ = built
    counts = count_layers(engine.layers)
    assert counts.concatenations == 12  # 3 dense blocks of 4
    assert counts.types == {"Half": counts.kernels}
    # Every kernel reads a map of 8 channels at least and writes one of 4.
    assert counts.bytes_per_pixel > 2 * 12 * counts.kernels / 2
    assert engine.activation_bytes > 128**2 * 8 * 2
    scales = {tensor.scale for layer in engine.layers for tensor in layer.outputs}
    assert scales == {1, 2, 4}


def test_an_engine_that_was_written_is_whole(built, tmp_path):
    task, engine, _ = built
    files = EngineFiles(tmp_path / "tiny.engine")
    write_engine(files, task.recipe, engine)
    assert read_engine(files).plan == engine.plan


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "form"), [("fp16", "push"), ("fp32", "concat"), ("bf16", "concat")])
def test_forms_and_types(tiny, rtx, precision, form):
    counts = count_layers(plan(tiny, rtx, precision=precision, form=form).build().layers)
    assert (counts.concatenations == 0) == (form == "push")
    assert set(counts.types) == {{"fp16": "Half", "fp32": "Float", "bf16": "BFloat16"}[precision]}


@pytest.fixture(scope="module")
def ranges(tiny):
    return measure_input_ranges(tiny.net, [torch.rand(1, 3, 16, 16)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "name", "targets"),
    [("int8", "Int8", ("sm80", "sm86", "sm89", "sm120")), ("fp8", "FP8", ("sm89", "sm120"))],
)
def test_dense_blocks_are_convolved_in_bytes(tiny, rtx, ranges, precision, name, targets):
    task = plan(tiny, rtx, precision=precision, ranges=ranges, targets=targets)
    engine = task.build()
    assert read_header(engine.plan).targets == targets
    convolutions = [layer for layer in engine.layers if layer.kind == "correlation"]
    reading_bytes = [layer for layer in convolutions if layer.convolves_bytes]
    assert len(reading_bytes) == 15
    assert {layer.outputs[0].type for layer in reading_bytes} == {"Float"}  # the rest is a kernel of its own
    assert {layer.inputs[0].type for layer in convolutions} == {name, "Half"}


def test_an_engine_that_converts_all_bytes_is_refused(built, tiny, rtx, ranges):
    _, engine, _ = built  # in fp16
    with pytest.raises(BackendUnavailableError, match="convolves nothing of this network in int8: choose --precision"):
        check_bytes(engine.layers, plan(tiny, rtx, precision="int8", ranges=ranges).recipe)


def test_int8_is_found_without_ranges_but_not_built(tiny, rtx, ranges):
    wanted, built = plan(tiny, rtx, precision="int8"), plan(tiny, rtx, precision="int8", ranges=ranges)
    assert built.recipe.serves(wanted.recipe)
    assert built.recipe.key != wanted.recipe.key
    message = "never built by itself: srdgan-rt engine build --precision int8 --arch sm89 --calibrate PICTURE"
    with pytest.raises(BackendUnavailableError, match=message):
        wanted.build()


@pytest.mark.slow
def test_what_a_target_lacks_is_one_line(tiny, rtx, ranges):
    """The library's own words, should our table of types be out of date."""
    task = plan(tiny, rtx, precision="fp8", ranges=ranges)
    with pytest.raises(BackendUnavailableError, match=r"Cannot compile for target\(s\) sm86, because .* fp8"):
        build_engine(task.graph, dataclasses.replace(task.recipe, targets=("sm86",)))


@pytest.mark.slow
@pytest.mark.parametrize("target", RTX_TARGETS)
def test_the_shipped_model_for_each_gpu(rtx, target):
    model = load_model("srdgan-x4-fast")
    profile = plan_profile(model.spec, "fp16")
    engine = plan(model, rtx, targets=(target,), profile=profile).build()
    assert read_header(engine.plan).targets == (target,)
    assert count_layers(engine.layers).concatenations == 48


@pytest.mark.slow
def test_the_net_of_the_paper(rtx):
    torch.manual_seed(0)
    model = Model.from_net(L2HNet(25, 64, 32))
    engine = plan(model, rtx, targets=ALL, profile=plan_profile(model.spec, "fp16")).build()
    assert read_header(engine.plan).targets == ALL
    assert count_layers(engine.layers).concatenations == 300
    assert len(engine.plan) < 50e6


@pytest.mark.slow
def test_what_the_library_refuses_is_one_line(tiny, rtx):
    with pytest.raises(
        BackendUnavailableError, match=r"tensorrt_rtx cannot read the network: .*Failed to parse"
    ) as raised:
        build_engine(b"no graph", plan(tiny, rtx).recipe)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_one_line(tiny, rtx):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    task = plan(tiny, rtx)
    with pytest.raises(BackendUnavailableError, match=r"cannot build the engine: Error Code .*CUDA driver version"):
        build_engine(task.graph, dataclasses.replace(task.recipe, targets=("current",)))


@pytest.fixture
def workers(monkeypatch):
    """The processes that builds start."""
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(build_module.subprocess, "Popen", Recorded)
    return started


def test_an_interrupted_build_ends_its_process(tiny, rtx, workers):
    def interrupt(fraction):
        assert workers[0].poll() is None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan(tiny, rtx).build(interrupt)
    assert workers[0].returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_crash_of_the_library_is_one_line(tiny, rtx, workers):
    def crash(fraction):
        os.kill(workers[0].pid, signal.SIGSEGV)

    with pytest.raises(BackendUnavailableError, match="the process that builds the engine ended with signal SIGSEGV"):
        plan(tiny, rtx).build(crash)


@pytest.mark.parametrize("size", [10, 10**7])  # less and more than a pipe holds
def test_a_process_that_ends_at_once_is_one_line(tiny, rtx, monkeypatch, size):
    monkeypatch.setattr(build_module.sys, "executable", "/bin/false")
    with pytest.raises(BackendUnavailableError, match="the process that builds the engine ended with status 1"):
        build_engine(bytes(size), plan(tiny, rtx).recipe)


def is_running(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""  # it is empty of a process that has ended
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_program_that_ends_takes_its_build_with_it(rtx, end):
    program = f"""
import os, signal, subprocess, sys, threading
sys.path[:0] = {sys.path!r}
from srdgan_rt.bench.nets import open_model
from srdgan_rt.tensorrt import build
from srdgan_rt.tensorrt.library import find_library
from srdgan_rt.tensorrt.recipe import Profile
from srdgan_rt.tensorrt.task import check_bytes, plan_build
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print(self.pid, flush=True)
build.subprocess.Popen = Popen
task = plan_build(
    open_model("10x64x32"), precision="fp16", profile=Profile(1, 64, 64), targets=("sm89",), library=find_library()
)
begun = threading.Event()
threading.Thread(target=task.build, args=(lambda fraction: begun.set(),), daemon=True).start()
begun.wait(30)
{end}
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        process.wait(30)
    deadline = time.monotonic() + 5  # far less than the build takes
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(worker)


def test_a_build_that_nobody_waits_for_is_cancelled(tiny, rtx):
    """As when the program is killed: the library's progress monitor ends the build."""
    with pytest.raises(BackendUnavailableError, match="BuildCanceled"):
        build_plan(rtx, plan(tiny, rtx).graph, plan(tiny, rtx).recipe, lambda fraction: False)
