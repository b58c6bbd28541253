"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt.bench.peers.onnx_graph import export_graph
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models.l2h import L2HNet


def build(net: L2HNet, sample: Tensor, num_threads: int, *, int8: bool = False) -> Callable[[Tensor], Tensor]:
    """Makes a session with all graph optimisations, for the sample's shape and the given threads.

    ``int8`` is calibrated on the sample.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError("onnxruntime is not installed") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name, side in zip(("height", "width"), sample.shape[2:], strict=True):
        options.add_free_dimension_override_by_name(name, side)
    graph = export_graph(net, [sample], int8=int8)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        return torch.from_numpy(session.run(None, {"input": x.numpy()})[0])

    return run
