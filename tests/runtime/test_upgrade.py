"""``engine="auto"``: TensorRT takes over between two pictures, once it is built and has proved itself."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import torch
from tensorrt_double import OnnxContext, OnnxRuntimeDouble

from srdgan_rt import _ext
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.runtime import Upscaler
from srdgan_rt.runtime.engines import choose_engine, tensorrt, tensorrt_backend
from srdgan_rt.tensorrt import speed

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

FIRST = "native" if _ext.is_available() else "torch"
"""What serves on a CPU until then."""

PICTURE = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)


@pytest.fixture
def seconds(monkeypatch):
    """What is measured of each engine; tests may change it."""
    seconds = {"tensorrt": 1.0, FIRST: 2.0}
    monkeypatch.setattr("srdgan_rt.runtime.engines.tensorrt_provider.measure_seconds", lambda runs, profile: seconds)
    return seconds


@pytest.fixture
def upscaler(machine, seconds, flat_net):
    """Makes upscalers that choose their engine."""
    return lambda: Upscaler(flat_net, device="cpu", precision="fp32", halo=8, border_padding=8)


def wait_for_build(up):
    if (build := up._engines._build) is not None:
        build.join(10)
        assert not build.is_alive()


def build_and_prove(up):
    """Two pictures: at the second one the engine takes over."""
    up.upscale(PICTURE)
    wait_for_build(up)
    up.upscale(PICTURE)


def test_the_next_picture_after_the_build_gets_it(machine, upscaler, caplog):
    go_on = threading.Event()
    machine.before_build = go_on.wait
    up = upscaler()
    assert up.engine == FIRST
    expected = up.upscale(PICTURE)
    up.upscale(PICTURE)
    assert (up.engine, machine.forms) == (FIRST, [])
    go_on.set()
    wait_for_build(up)
    assert up.engine == FIRST
    result = up.upscale(PICTURE)
    assert up.engine == "tensorrt"
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert machine.forms == ["concat"]
    assert caplog.messages == [f"a TensorRT engine is built in the background, {FIRST} serves until then"]


def test_an_engine_that_has_proved_itself_serves_at_once(machine, upscaler, caplog, monkeypatch):
    build_and_prove(upscaler())
    caplog.clear()
    monkeypatch.setattr("srdgan_rt.tensorrt.accuracy.measure_accuracy", pytest.fail)
    monkeypatch.setattr("srdgan_rt.runtime.engines.tensorrt_provider.measure_seconds", pytest.fail)
    up = upscaler()
    up.upscale(PICTURE)
    assert (up.engine, machine.forms, caplog.messages) == ("tensorrt", ["concat"], [])


def test_an_engine_that_was_built_elsewhere_is_tried_at_once(machine, upscaler, flat_net):
    Upscaler(flat_net, device="cpu", engine="tensorrt")
    up = upscaler()
    up.upscale(PICTURE)
    assert (up.engine, machine.forms) == ("tensorrt", ["concat"])


def test_a_failed_build_is_one_note(machine, upscaler, caplog):
    def fail():
        raise BackendUnavailableError("tensorrt cannot build the engine: no tactics")

    machine.before_build = fail
    up = upscaler()
    for _ in range(3):
        up.upscale(PICTURE)
        wait_for_build(up)
    assert up.engine == FIRST
    assert caplog.messages[1:] == [
        f"TensorRT is not used, {FIRST} serves: tensorrt cannot build the engine: no tactics"
    ]


def test_without_a_library_that_loads_pictures_are_enlarged(upscaler, caplog, monkeypatch):
    def propose(*arguments):
        raise BackendUnavailableError("tensorrt_rtx is installed but cannot be loaded: libcuda.so.1")

    monkeypatch.setattr(tensorrt, "propose", propose)
    up = upscaler()
    up.upscale(PICTURE)
    up.upscale(PICTURE)
    assert up.engine == FIRST
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("fault", ["wrong", "slow"])
def test_an_engine_that_is_no_gain_is_tried_once(machine, upscaler, caplog, seconds, fault):
    if fault == "wrong":
        machine.runtime = OnnxRuntimeDouble(lambda x: x + 0.01)
    seconds["tensorrt"] = 1.0 if fault == "wrong" else 2.5
    up = upscaler()
    build_and_prove(up)
    up.upscale(PICTURE)
    assert up.engine == FIRST
    reason = {
        "wrong": "the TensorRT engine is wrong on Double 4090, driver 1.2: its PSNR to fp32 must be at least 80 dB in",
        "slow": f"it is slower than {FIRST} here: 2500.0 ms against 2000.0 ms for 256 x 256 pixels",
    }[fault]
    assert len(caplog.messages) == 2
    assert caplog.messages[1].startswith(f"TensorRT is not used, {FIRST} serves: {reason}")
    caplog.clear()
    loaded = len(machine.runtime.kernels)
    another = upscaler()
    another.upscale(PICTURE)
    assert (another.engine, caplog.messages, len(machine.runtime.kernels)) == (FIRST, [], loaded)


def test_what_was_measured_stands_beside_the_engine(machine, upscaler, tmp_path):
    build_and_prove(upscaler())
    (path,) = (tmp_path / "engines").glob("*.numerics.json")
    (figures,) = json.loads(path.read_bytes())[machine.gpu.name].values()
    assert figures["seconds"] == {"tensorrt": 1.0, FIRST: 2.0}
    assert min(figures["psnr"].values()) >= 80


def test_a_new_driver_is_a_new_trial(machine, upscaler, seconds):
    seconds["tensorrt"] = 3.0
    build_and_prove(upscaler())
    machine.gpu.name = "Double 4090, driver 1.3"
    seconds["tensorrt"] = 1.0
    up = upscaler()
    up.upscale(PICTURE)
    assert up.engine == "tensorrt"


@pytest.mark.parametrize(
    "error",
    [BackendUnavailableError("tensorrt cannot run"), RuntimeError("CUDA error"), TypeError("incompatible arguments")],
)
def test_an_engine_that_fails_later_gives_way(machine, upscaler, caplog, monkeypatch, error):
    up = upscaler()
    build_and_prove(up)
    expected = up.upscale(PICTURE)
    caplog.clear()

    def fail(context, stream):
        raise error

    monkeypatch.setattr(OnnxContext, "enqueue", fail)
    for _ in range(2):
        assert np.abs(up.upscale(PICTURE).astype(int) - expected).max() <= 1
    assert up.engine == FIRST
    assert caplog.messages == [f"TensorRT is not used, {FIRST} serves: {error}"]


def test_a_tile_that_is_not_finite_in_fp32_does_not_blame_the_weights(machine, upscaler, caplog):
    up = upscaler()
    assert up.precision == "fp32"
    build_and_prove(up)
    expected = up.upscale(PICTURE)
    caplog.clear()
    machine.runtime.context._fault = lambda x: x * torch.nan
    assert np.abs(up.upscale(PICTURE).astype(int) - expected).max() <= 1
    assert up.engine == FIRST
    assert caplog.messages == [f"TensorRT is not used, {FIRST} serves: its result for a tile is not finite"]


@pytest.mark.parametrize("halo", [16, 17])
def test_an_engine_whose_tiles_cannot_hold_the_halo_is_not_used(machine, seconds, flat_net, caplog, monkeypatch, halo):
    profile = tensorrt_backend.Profile(1, 64, 64)  # room for a core of 16, a margin of 16, and twice 16
    monkeypatch.setattr(tensorrt_backend, "plan_profile", lambda *arguments: profile)
    up = Upscaler(flat_net, device="cpu", precision="fp32", halo=halo, border_padding=8)
    build_and_prove(up)
    up.upscale(np.zeros((40, 90, 3), np.uint8))
    assert up.engine == ("tensorrt" if halo == 16 else FIRST)
    reason = "its tiles of up to 64 pixels are too small for a halo of 17"
    assert caplog.messages[1:] == ([] if halo == 16 else [f"TensorRT is not used, {FIRST} serves: {reason}"])


def test_memory_that_runs_out_makes_tiles_smaller(machine, upscaler, caplog, monkeypatch):
    up = upscaler()
    build_and_prove(up)
    caplog.clear()
    enqueue = OnnxContext.enqueue

    def fail_on_large(context, stream):
        if context.shapes[-1][-1] > 50:
            raise torch.OutOfMemoryError("CUDA out of memory")
        enqueue(context, stream)

    monkeypatch.setattr(OnnxContext, "enqueue", fail_on_large)
    up.upscale(np.zeros((20, 60, 3), np.uint8))
    assert up.engine == "tensorrt"
    assert "going on with tiles of" in caplog.text


def test_bad_tiles_of_both_engines_are_counted(machine, upscaler, monkeypatch):
    up = upscaler()
    build_and_prove(up)
    up._engines._first.fp32_fallbacks = 2
    up._engines.current.fp32_fallbacks = 3
    assert up.fp32_fallbacks == 5
    up._engines._give_up(RuntimeError())
    assert up.fp32_fallbacks == 5


def test_threads_do_not_wait_for_a_trial(machine, upscaler, monkeypatch):
    up = upscaler()
    up.upscale(PICTURE)
    wait_for_build(up)
    begun, go_on = threading.Event(), threading.Event()

    def try_slowly(runs, profile):
        begun.set()
        go_on.wait(10)
        return {"tensorrt": 1.0, FIRST: 2.0}

    monkeypatch.setattr("srdgan_rt.runtime.engines.tensorrt_provider.measure_seconds", try_slowly)
    thread = threading.Thread(target=up.upscale, args=(PICTURE,))
    thread.start()
    assert begun.wait(10)
    up.upscale(PICTURE)
    assert up.engine == FIRST
    go_on.set()
    thread.join(10)
    assert up.engine == "tensorrt"


def test_later_changes_of_the_network_have_no_effect(machine, seconds, flat_net):
    net = type(flat_net)(1, 4, 2, scale=1)
    net.load_state_dict(flat_net.state_dict())
    up = Upscaler(net, device="cpu", precision="fp16", halo=8)
    with torch.no_grad():
        net.conv_last.bias.fill_(0)
    build_and_prove(up)
    assert up.engine == "tensorrt"


# -- where nothing is tried -------------------------------------------------------------------------------------------


def test_engines_that_are_named_stay(machine, flat_net, monkeypatch):
    monkeypatch.setattr(tensorrt, "propose", pytest.fail)
    up = Upscaler(flat_net, device="cpu", engine="torch")
    up.upscale(PICTURE)
    up.upscale(PICTURE)
    assert up.engine == "torch"


def test_only_auto_may_upgrade(machine):
    assert choose_engine("auto", "cpu").may_upgrade
    assert not choose_engine("torch", "cpu").may_upgrade
    assert not choose_engine("tensorrt", "cpu").may_upgrade


def test_nothing_changes_without_tensorrt(flat_net):
    choice = choose_engine("auto", "cpu")
    assert not choice.may_upgrade


# -- timing -----------------------------------------------------------------------------------------------------------


def test_the_best_of_several_counts(monkeypatch):
    from srdgan_rt.tensorrt.recipe import Profile

    now = [0.0]
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])
    shapes = set()
    durations = {"a": iter([9.0, 5, 3, 4] + [5] * 9), "b": iter([9.0, 1, 2, 7] + [2] * 9)}

    def run(name):
        def run(x):
            shapes.add(tuple(x.shape))
            now[0] += next(durations[name])
            return x

        return run

    measured = speed.measure_seconds({"a": run("a"), "b": run("b")}, Profile(1, 64, 96))
    assert measured == {"a": 3.0, "b": 1.0}  # the first of each, 9, is warming up
    assert shapes == {(1, 3, 96, 96)}
