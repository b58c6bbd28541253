"""Engine ``onnxruntime``: ONNX Runtime on the CPU or a CUDA device."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError, install_hint
from srdgan_rt.export import export_onnx
from srdgan_rt.runtime.backend import DTYPES
from srdgan_rt.runtime.memory import estimate_bytes_per_pixel, tells_of_missing_memory

NAME = "onnxruntime"
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "fp16")}


class OnnxRuntimeBackend:
    """Runs the network as an ONNX graph.

    Args:
        model: the network; copied into the graph.
        device: the CPU or a CUDA device.
        precision: ``fp32``, or ``fp16`` on CUDA.

    Raises:
        BackendUnavailableError: a package is missing, or ONNX Runtime refuses the device.
        InputError: the weights do not fit fp16.
    """

    name = NAME
    largest_side = None
    held_bytes = 0

    def __init__(self, model: Model, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = precision
        self.one_shape = model.net.unshuffle == 1  # with pixel-unshuffle, tiles are aligned to its blocks instead
        self._dtype = DTYPES[precision]
        self.bytes_per_pixel = estimate_bytes_per_pixel(model.spec, self._dtype.itemsize)
        self._session = _open_session(export_onnx(model.net, precision=precision), device)

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`.

        Raises:
            MemoryError: memory ran out.
            BackendUnavailableError: ONNX Runtime failed for another reason.
        """
        samples = x.to("cpu", self._dtype).contiguous().numpy()
        try:
            (result,) = self._session.run(None, {"input": samples})
        except Exception as error:  # onnxruntime's errors have no public base class
            raise _translate(error) from error
        return torch.from_numpy(result).to(self.device, torch.float32)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`: None, as a session keeps no state."""


def why_not(device: torch.device, precision: str) -> str | None:
    """Why ONNX Runtime cannot be used with this device and precision, in one line; None where it can."""
    for package in ("onnxruntime", "onnx"):
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed: {install_hint('onnx')}"
    if precision not in _PRECISIONS[device.type]:
        return f"the onnxruntime engine computes in {' and '.join(_PRECISIONS[device.type])} on {device}"
    if device.type == "cuda":
        import onnxruntime

        if _PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
            return "the installed onnxruntime is for the CPU only: install onnxruntime-gpu"
    return None


def create(model: Model, device: torch.device, precision: str) -> OnnxRuntimeBackend:
    """See :class:`OnnxRuntimeBackend`."""
    return OnnxRuntimeBackend(model, device, precision)


def _open_session(graph: bytes, device: torch.device) -> Any:
    """An ``onnxruntime.InferenceSession`` with as many threads as PyTorch; several threads may use it at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal errors only: others are raised as exceptions, and would be printed as well
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # idle threads must not take time from others
    provider: Any = _PROVIDERS[device.type]
    if device.type == "cuda":
        provider = (provider, {"device_id": device.index or 0})
    try:
        return onnxruntime.InferenceSession(graph, options, providers=[provider])
    except Exception as error:  # onnxruntime's errors have no public base class
        raise BackendUnavailableError(f"onnxruntime refused the network: {_first_line(error)}") from error


def _translate(error: Exception) -> Exception:
    """The error that callers expect instead of one of onnxruntime's."""
    if isinstance(error, MemoryError) or tells_of_missing_memory(error):
        return MemoryError(_first_line(error))
    return BackendUnavailableError(f"onnxruntime failed: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
