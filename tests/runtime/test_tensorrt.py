"""The engine ``tensorrt`` with doubles of the GPU and the library: all but the calls into them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensorrt_double import OnnxRuntimeDouble

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.models import L2HNet, ModelSpec
from srdgan_rt.runtime import Upscaler
from srdgan_rt.runtime.engines import tensorrt_backend, tensorrt_provider
from srdgan_rt.tensorrt import cuda as tensorrt_cuda
from srdgan_rt.tensorrt import library as tensorrt_library
from srdgan_rt.tensorrt.cache import EngineCache

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CPU = torch.device("cpu")


def upscaler(net, **options):
    return Upscaler(net, device="cpu", engine="tensorrt", **{"halo": 8, "border_padding": 8, **options})


def draw(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_equals_the_reference(machine, random_net, precision):
    image = draw(21, 43)
    up = upscaler(random_net, precision=precision, tile=16, halo=16)
    expected = Upscaler(random_net, device="cpu", engine="torch", tile=0, border_padding=8).upscale(image)
    difference = np.abs(up.upscale(image).astype(int) - expected)
    assert difference.max() <= 1
    assert (up.engine, up.precision) == ("tensorrt", precision)
    assert up.fp32_fallbacks == 0


def test_a_folder_of_pictures_of_many_sizes_builds_one_engine(machine, flat_net):
    up = upscaler(flat_net, tile=16)
    for side in range(5, 25):
        assert up.upscale(draw(side + 20, side)).shape == (side + 20, side, 3)
    upscaler(flat_net).upscale(draw(9, 9))
    assert machine.forms == ["concat"]


def test_an_engine_in_push_form_is_used_where_it_is_found(machine, flat_net):
    task = machine.plan(Model.from_net(flat_net), "fp32", form="push")
    EngineCache().fetch(task.recipe, task.build)
    up = upscaler(flat_net, precision="fp32")
    assert machine.forms == ["push"]
    assert up._engines.current._backend._stored.manifest.recipe.form == "push"


def test_no_tile_is_larger_than_the_engine_takes(machine, flat_net, monkeypatch):
    monkeypatch.setattr(
        tensorrt_backend, "plan_profile", lambda *arguments, **options: tensorrt_backend.Profile(1, 64, 64)
    )
    up = upscaler(flat_net, tile=0)
    up.upscale(draw(90, 150))
    assert machine.runtime.context.shapes[-1] == (1, 3, 64, 64)
    with pytest.raises(InputError, match=r"the engine takes tiles of up to 64 pixels, got \(3, 65\)"):
        up._engines.current.run(torch.zeros(1, 3, 3, 65))


def test_memory_is_what_the_builder_planned(machine, flat_net):
    backend = upscaler(flat_net, precision="fp32")._engines.current
    assert backend.bytes_per_pixel == 1000 + 3 * 8 * 2
    assert backend.one_shape


def test_compiled_kernels_are_kept_and_loaded_again(machine, flat_net, tmp_path):
    upscaler(flat_net)
    first = machine.runtime.context.serialize_kernels()
    (path,) = (tmp_path / "engines").glob("*.kernels")
    assert path.name.endswith(".Double-4090-driver-1.2.kernels")
    assert path.read_bytes() == first
    upscaler(flat_net)
    assert machine.runtime.kernels == [None, first]
    machine.gpu.name = "Double 4090, driver 1.3"
    upscaler(flat_net)
    assert machine.runtime.kernels[-1] is None


def test_int8_is_used_where_it_was_built(machine, flat_net):
    from srdgan_rt.export import measure_input_ranges

    message = "never built by itself: srdgan-rt engine build --precision int8"
    with pytest.raises(BackendUnavailableError, match=message):
        upscaler(flat_net, precision="int8")
    ranges = measure_input_ranges(flat_net, [torch.rand(1, 3, 96, 96)])
    task = machine.plan(Model.from_net(flat_net), "int8", form="concat", ranges=ranges)
    EngineCache().fetch(task.recipe, task.build)
    image = draw(21, 43)
    up = upscaler(flat_net, precision="int8")
    expected = Upscaler(flat_net, device="cpu", engine="torch", tile=0, border_padding=8).upscale(image)
    assert np.abs(up.upscale(image).astype(int) - expected).max() <= 3
    assert (up.engine, up.precision) == ("tensorrt", "int8")


def test_engines_of_classic_tensorrt_are_for_one_gpu_and_driver(flat_net, monkeypatch):
    """Their kernels were timed there."""
    names = {"get_device_name": "RTX 4090", "get_device_capability": (8, 9)}
    for name, value in names.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=24 * 10**9))
    monkeypatch.setattr(tensorrt_cuda, "read_driver", lambda: "580.1")
    monkeypatch.setattr(tensorrt_library, "_logger", None)
    library = tensorrt_library.Library("tensorrt", "11.0.0", SimpleNamespace(ILogger=object))
    monkeypatch.setattr(tensorrt_provider, "find_library", lambda: library)
    provider = tensorrt_provider.open_provider(Model.from_net(flat_net), torch.device("cuda", 0), "fp16")
    recipe = provider._task.recipe
    assert (recipe.gpu, recipe.driver, recipe.targets) == ("RTX 4090", "580.1", ("sm89",))


# -- accuracy ---------------------------------------------------------------------------------------------------------


def shift(x):
    return x.roll(1, -1)


def lose_a_row(x):
    x[..., 100 % x.shape[-2], :] = 0
    return x


def spoil(x):
    x[0, 0, 0, 0] = torch.nan
    return x


@pytest.mark.parametrize("fault", [shift, lose_a_row, spoil, torch.zeros_like, lambda x: x + 0.01])
def test_a_wrong_engine_is_refused(machine, flat_net, fault):
    machine.runtime = OnnxRuntimeDouble(fault)
    message = r"is wrong on Double 4090, driver 1.2: its PSNR to fp32 must be at least 50 dB in fp16, got [\d.]+ on the"
    with pytest.raises(BackendUnavailableError, match=message):
        upscaler(flat_net, precision="fp16")


def test_accuracy_is_measured_once_a_gpu(machine, flat_net, tmp_path, monkeypatch):
    upscaler(flat_net)
    (path,) = (tmp_path / "engines").glob("*.numerics.json")
    ((gpu, entries),) = json.loads(path.read_bytes()).items()
    (figures,) = entries.values()
    assert gpu == machine.gpu.name
    assert set(figures["psnr"]) == {"chart", "noise", "white", "dark"}
    assert min(figures["psnr"].values()) > 80

    def never(*arguments):
        raise AssertionError

    monkeypatch.setattr("srdgan_rt.tensorrt.accuracy.measure_accuracy", never)
    upscaler(flat_net)
    machine.gpu.name = "Double 5090, driver 1.2"
    with pytest.raises(AssertionError):
        upscaler(flat_net)


def test_what_was_measured_under_an_unknown_driver_is_not_kept(machine, flat_net, tmp_path, monkeypatch):
    upscaler(flat_net)
    kept = {path: path.read_bytes() for path in (tmp_path / "engines").iterdir()}
    machine.gpu.driver = ""
    upscaler(flat_net)
    assert machine.forms == ["concat"]  # the engine itself serves
    assert {path: path.read_bytes() for path in (tmp_path / "engines").iterdir()} == kept
    monkeypatch.setattr("srdgan_rt.tensorrt.accuracy.measure_accuracy", lambda *arguments: {"chart": 0.0})
    with pytest.raises(BackendUnavailableError):
        upscaler(flat_net)


def test_an_engine_that_failed_is_tried_again(machine, flat_net):
    machine.runtime = OnnxRuntimeDouble(shift)
    with pytest.raises(BackendUnavailableError):
        upscaler(flat_net)
    with pytest.raises(BackendUnavailableError):
        upscaler(flat_net)
    machine.runtime = OnnxRuntimeDouble()
    upscaler(flat_net)
    assert machine.forms == ["concat"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"Double 4090, driver 1.2": {"x": {"psnr": {"chart": "a"}}}}', b"\xff"]
)
def test_damaged_figures_are_measured_again(machine, flat_net, tmp_path, content):
    upscaler(flat_net)
    (path,) = (tmp_path / "engines").glob("*.numerics.json")
    path.write_bytes(content)
    upscaler(flat_net)
    assert machine.gpu.name in json.loads(path.read_bytes())


# -- profiles ---------------------------------------------------------------------------------------------------------


def test_profiles_follow_the_tile_plan_and_the_memory():
    spec = ModelSpec(4, 32, 16, halo=28)
    whole = tensorrt_backend.plan_profile(spec, "fp16")
    assert whole.best == whole.largest == 1152  # 1024, two halos, and what resampling adds, in steps of 64
    assert tensorrt_backend.plan_profile(spec, "fp16", 80 * 10**9) == whole
    small = tensorrt_backend.plan_profile(spec, "fp16", 10**9)
    assert small.largest == 320  # 320 * 320 * 4453 bytes are less than half a gigabyte, 384 * 384 * 4453 more
    assert whole.covers(small)
    assert tensorrt_backend.plan_profile(spec, "fp16", 0).largest == 64
    assert tensorrt_backend.plan_profile(ModelSpec(1, 8, 4, 2, unshuffle=2), "fp16").smallest == 2


def test_unshuffled_nets_run(machine):
    torch.manual_seed(0)
    net = L2HNet(1, 8, 4, scale=2, unshuffle=2)
    image = draw(21, 34)
    options = {"halo": 60, "border_padding": 60, "device": "cpu"}
    expected = Upscaler(net, engine="torch", tile=0, **options).upscale(image)
    result = Upscaler(net, engine="tensorrt", tile=7, **options).upscale(image)
    assert np.abs(result.astype(int) - expected).max() <= 1
