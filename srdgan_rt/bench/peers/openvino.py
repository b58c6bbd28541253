"""OpenVINO on the CPU, in fp32, in bf16 (its default where the processor has that), or in int8 with the rest in one of
the two."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.bench.peers.onnx_graph import export_graph
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models.l2h import L2HNet


def build(
    net: L2HNet, sample: Tensor, num_threads: int, *, int8: bool = False, bf16: bool = False
) -> Callable[[Tensor], Tensor]:
    """Compiles the network for latency, for the sample's shape and the given threads.

    ``int8`` is calibrated on the sample. It is refused without VNNI: on Zen 1 its results were far off, because pairs
    of products overflow 16 bits there. ``bf16`` is refused without AMX, where it is slower than fp32.
    """
    try:
        import openvino
    except ImportError as error:
        raise BackendUnavailableError("openvino is not installed") from error
    if int8 and not (_ext.is_available() and _ext.has_fast_int8()):
        raise BackendUnavailableError("openvino's int8 is wrong on processors without VNNI")
    if bf16 and (reason := _ext.why_no_bf16()) is not None:
        raise BackendUnavailableError(reason)
    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        "INFERENCE_NUM_THREADS": num_threads,
    }
    model = core.read_model(export_graph(net, [sample], int8=int8))
    model.reshape(list(sample.shape))
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        request.infer([x.numpy()], share_inputs=True)
        # A copy: the request writes its next result into the same memory.
        return torch.from_numpy(request.get_output_tensor().data.copy())

    return run
