"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import export_onnx
from srdgan_rt.models.l2h import L2HNet


def build(net: L2HNet, sample: Tensor, num_threads: int) -> Callable[[Tensor], Tensor]:
    """Makes a session with all graph optimisations, for the sample's shape and the given threads."""
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
    session = onnxruntime.InferenceSession(export_onnx(net), options, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        return torch.from_numpy(session.run(None, {"input": x.numpy()})[0])

    return run
