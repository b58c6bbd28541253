import logging

import numpy as np
import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError, CheckpointError, InputError
from srdgan_rt.runtime import Upscaler, list_engines
from srdgan_rt.runtime.backend import resolve_device, resolve_precision
from srdgan_rt.runtime.engines import EngineChoice, choose_engine, create_backend, cuda
from srdgan_rt.runtime.engines.torch import TorchBackend
from srdgan_rt.runtime.guard import GuardedBackend

CPU = torch.device("cpu")


# -- devices and precisions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "", "mps"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(InputError, match="device must be auto, cpu, cuda or cuda:N"):
        resolve_device(name)


def test_cpu_build_says_so(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    with pytest.raises(BackendUnavailableError, match="this build of PyTorch is for the CPU only"):
        resolve_device("cuda")


def test_missing_driver_and_missing_device(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendUnavailableError, match="no CUDA device or driver"):
        resolve_device("cuda:0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    # Other threads may have another current device, so an Upscaler must not keep a bare "cuda".
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda:1")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(BackendUnavailableError, match="device cuda:2 does not exist: there are 2"):
        resolve_device("cuda:2")


def test_precisions():
    assert resolve_precision("auto", CPU) == "fp32"
    assert resolve_precision("auto", torch.device("cuda")) == "fp16"
    assert resolve_precision("bf16", CPU) == "bf16"
    assert resolve_precision("int8", CPU) == "int8"
    with pytest.raises(InputError, match="precision must be auto, fp32, fp16, bf16, int8, fp8, got 'half'"):
        resolve_precision("half", CPU)
    with pytest.raises(InputError, match=r"precision must be .*, got \['fp32'\]"):
        resolve_precision(["fp32"], CPU)


# -- engines ------------------------------------------------------------------------------------------------------


def test_engines_that_can_be_used_here():
    engines = {status.name: status for status in list_engines("cpu")}
    assert list(engines) == ["native", "cuda", "torch", "onnxruntime", "tensorrt"]
    assert engines["torch"].usable
    assert engines["native"].reason == _ext.why_not()
    assert not engines["tensorrt"].usable
    reasons = {status.name: status.reason for status in list_engines("cpu", "fp16")}
    assert "in fp32, int8 and bf16, not" in reasons["native"]


def test_auto_prefers_native_where_it_can_be_used(nearest_net, monkeypatch):
    expected = "native" if _ext.is_available() else "torch"
    choice = choose_engine(device="cpu")
    precision = "bf16" if _ext.is_available() and _ext.has_fast_bf16() else "fp32"
    assert choice == EngineChoice(expected, torch.device("cpu"), precision)
    assert create_backend(Model.from_net(nearest_net), choice).name == expected
    assert choose_engine(device="cpu", precision="fp16").name == "torch"
    monkeypatch.setattr(_ext, "why_not", lambda: "the compiled extension was not built")
    assert choose_engine(device="cpu").name == "torch"
    with pytest.raises(BackendUnavailableError, match=r"engine native cannot be used: .* not built; there is torch"):
        choose_engine("native", "cpu")


@pytest.mark.skipif(not _ext.is_available(), reason="the compiled extension cannot be used")
@pytest.mark.parametrize(("fast", "expected"), [(True, "native"), (False, "torch")])
def test_bf16_is_native_where_the_processor_multiplies_matrices(fast, expected, monkeypatch):
    monkeypatch.setattr(_ext, "has_fast_bf16", lambda: fast)
    assert choose_engine(device="cpu", precision="bf16").name == expected
    if not fast:
        with pytest.raises(BackendUnavailableError, match="bf16 needs an Intel processor with AMX, and Linux"):
            choose_engine("native", "cpu", "bf16")


@pytest.mark.skipif(not _ext.is_available(), reason="the compiled extension cannot be used")
@pytest.mark.parametrize("fast", [True, False])
def test_the_list_has_the_precision_that_is_chosen(fast, monkeypatch):
    monkeypatch.setattr(_ext, "has_fast_bf16", lambda: fast)
    engines = {status.name: status for status in list_engines("cpu")}
    assert engines["native"].precision == ("bf16" if fast else "fp32")
    assert choose_engine(device="cpu").precision == engines["native"].precision
    for status in engines.values():
        if status.usable:
            assert choose_engine(status.name, "cpu").precision == status.precision
    assert {status.precision for status in list_engines("cpu", "fp16")} == {"fp16"}


@pytest.mark.parametrize(("capability", "expected"), [((9, 0), "cuda"), ((8, 6), "torch"), ((12, 0), "torch")])
def test_auto_takes_the_cuda_kernels_only_where_they_were_timed(capability, expected, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(_ext, "why_no_cuda", lambda: None)
    monkeypatch.setattr(_ext, "build_record", lambda: {"cuda_architectures": ["80+PTX"]})
    assert choose_engine("auto", "cuda").name == expected
    assert choose_engine("auto", "cuda", "fp32").name == "torch"
    assert choose_engine("cuda", "cuda") == EngineChoice("cuda", torch.device("cuda:0"), "fp16")


def test_torch_serves_where_the_cuda_kernels_refuse_a_network(nearest_net, caplog, monkeypatch):
    def refuse(model, device, precision):
        raise BackendUnavailableError("the cuda engine cannot run this network: 65 channels")

    monkeypatch.setattr(cuda, "create", refuse)
    model = Model.from_net(nearest_net)
    with caplog.at_level(logging.WARNING, "srdgan_rt"):
        assert create_backend(model, EngineChoice("cuda", CPU, "fp16", instead="torch")).name == "torch"
    assert caplog.messages == ["the cuda engine cannot run this network: 65 channels; engine torch serves"]
    with pytest.raises(BackendUnavailableError, match="65 channels"):
        create_backend(model, EngineChoice("cuda", CPU, "fp16"))


def test_unknown_engines_are_refused(nearest_net):
    with pytest.raises(
        InputError, match="engine must be auto, native, cuda, torch, onnxruntime, tensorrt, got 'cudnn'"
    ):
        Upscaler(nearest_net, engine="cudnn")


# -- the guard ----------------------------------------------------------------------------------------------------


class BadBackend:
    """Stands for an engine whose low precision fails on some inputs."""

    name, device, bytes_per_pixel, one_shape, largest_side, held_bytes = "bad", CPU, 1, False, None, 0

    def __init__(self, value, precision="fp16"):
        self.value = value
        self.precision = precision

    def run(self, x):
        return torch.full((x.shape[0], 3, 4 * x.shape[2], 4 * x.shape[3]), self.value)


@pytest.mark.parametrize(("value", "fault"), [(torch.nan, "non-finite"), (torch.inf, "non-finite"), (0.0, "black")])
def test_bad_tiles_are_computed_again_in_fp32(nearest_net, caplog, value, fault):
    made = []

    def make_fallback():
        made.append(1)
        return TorchBackend(Model.from_net(nearest_net), CPU, "fp32")

    guarded = GuardedBackend(BadBackend(value), make_fallback)
    x = torch.rand(1, 3, 5, 4)
    with caplog.at_level(logging.WARNING, "srdgan_rt"):
        for _ in range(3):
            result = guarded.run(x)
    assert torch.equal(result, x.repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert guarded.fp32_fallbacks == 3
    assert len(made) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"a tile is {fault} in fp16; such tiles are recomputed in fp32"
    ]


def test_one_black_picture_of_a_batch_is_noticed(nearest_net):
    class HalfBlack(BadBackend):
        def run(self, x):
            result = super().run(x)
            result[1] = 0
            return result

    guarded = GuardedBackend(HalfBlack(0.5), lambda: TorchBackend(Model.from_net(nearest_net), CPU, "fp32"))
    assert guarded.run(torch.rand(2, 3, 3, 3)).amin((1, 2, 3))[1] > 0
    assert guarded.fp32_fallbacks == 1


def test_black_is_right_where_the_input_is_black(nearest_net):
    guarded = GuardedBackend(BadBackend(0.0), lambda: TorchBackend(Model.from_net(nearest_net), CPU, "fp32"))
    assert guarded.run(torch.full((1, 3, 4, 4), 0.3 / 255)).amax() == 0
    assert guarded.fp32_fallbacks == 0


def test_overflow_of_real_fp16_arithmetic_is_repaired(nearest_net):
    """Activations beyond 65504 in the tail, scaled back by the last convolution."""
    nearest_net.conv_hr.weight.data.mul_(1e5 / 2)
    nearest_net.conv_up1.weight.data.mul_(10)
    nearest_net.conv_last.weight.data.div_(1e6 / 2)
    image = np.random.default_rng(0).integers(1, 256, (9, 8, 3), np.uint8)
    up = Upscaler(nearest_net, precision="fp16", device="cpu", tile=4)
    np.testing.assert_array_equal(up.upscale(image), image.repeat(4, 0).repeat(4, 1))
    assert up.fp32_fallbacks == 6


def test_non_finite_in_fp32_is_an_error(nearest_net):
    nearest_net.conv_hr.weight.data.mul_(1e38)
    nearest_net.conv_up1.weight.data.mul_(1e38)
    with pytest.raises(CheckpointError, match="NaN or infinite values: its weights"):
        Upscaler(nearest_net, engine="torch", device="cpu").upscale(np.full((2, 2), 200, np.uint8))
