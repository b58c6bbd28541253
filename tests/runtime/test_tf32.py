"""PyTorch computes fp32 on a GPU without TF32, whatever the program has set, and the program's setting stays."""

from __future__ import annotations

import pytest
import torch

from srdgan_rt.checkpoint import Model
from srdgan_rt.runtime import Upscaler
from srdgan_rt.runtime.engines.torch import TorchBackend
from srdgan_rt.runtime.tf32 import without_tf32

CONVOLUTIONS = torch.backends.cudnn.conv


@pytest.fixture(autouse=True)
def settings():
    """Restores what tests set."""
    yield
    torch.backends.fp32_precision = "none"
    torch.backends.cudnn.fp32_precision = "none"
    torch.backends.cudnn.allow_tf32 = True  # PyTorch's default, of both interfaces


def test_the_setting_of_the_program_is_restored():
    def fail():
        assert CONVOLUTIONS.fp32_precision == "ieee"
        raise ZeroDivisionError

    for former in ("tf32", "ieee"):
        CONVOLUTIONS.fp32_precision = former
        with pytest.raises(ZeroDivisionError), without_tf32:
            fail()
        assert CONVOLUTIONS.fp32_precision == former


def test_the_older_setting_can_still_be_read_afterwards():
    for former in (True, False):
        torch.backends.cudnn.allow_tf32 = former
        with without_tf32:
            pass
        assert torch.backends.cudnn.allow_tf32 == former  # PyTorch refuses to read it where the two differ


def test_the_last_of_several_restores_it():
    """As with two threads, of which the first to enter is the first to leave."""
    without_tf32.__enter__()
    without_tf32.__enter__()
    without_tf32.__exit__()
    assert CONVOLUTIONS.fp32_precision == "ieee"
    without_tf32.__exit__()
    assert CONVOLUTIONS.fp32_precision == "tf32"


@pytest.mark.parametrize(
    ("device", "precision", "expected"), [("meta", "fp32", "ieee"), ("meta", "fp16", "tf32"), ("cpu", "fp32", "tf32")]
)
def test_only_fp32_on_a_gpu_needs_it(flat_net, device, precision, expected):
    """The device ``meta``, which computes nothing, stands for a GPU."""
    backend = TorchBackend(Model.from_net(flat_net), torch.device(device), precision)
    seen = []
    backend._net.register_forward_hook(lambda *arguments: seen.append(CONVOLUTIONS.fp32_precision))
    backend.run(torch.zeros(1, 3, 4, 4))
    assert (seen, CONVOLUTIONS.fp32_precision) == ([expected], "tf32")


def test_an_engine_is_compared_with_fp32_whatever_the_program_has_set(machine, flat_net):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    torch.backends.fp32_precision = "tf32"
    Upscaler(flat_net, device="cpu", engine="tensorrt")
    assert torch.backends.fp32_precision == "tf32"
