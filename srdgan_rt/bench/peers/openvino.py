"""OpenVINO on the CPU, set to fp32 so that it is compared at the same precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import export_onnx
from srdgan_rt.models.l2h import L2HNet


def build(net: L2HNet, sample: Tensor, num_threads: int) -> Callable[[Tensor], Tensor]:
    """Compiles the network for latency, for the sample's shape and the given threads."""
    try:
        import openvino
    except ImportError as error:
        raise BackendUnavailableError("openvino is not installed") from error
    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # the default is bf16 where the processor has it
        "INFERENCE_NUM_THREADS": num_threads,
    }
    model = core.read_model(export_onnx(net))
    model.reshape(list(sample.shape))
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        request.infer([x.numpy()], share_inputs=True)
        # A copy: the request writes its next result into the same memory.
        return torch.from_numpy(request.get_output_tensor().data.copy())

    return run
