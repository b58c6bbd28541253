"""Engine ``torch``: the network in PyTorch, the reference for all other engines."""

from __future__ import annotations

import torch
from torch import Tensor

from srdgan_rt.checkpoint import Model
from srdgan_rt.runtime.backend import DTYPES, exact_precision, prepare_net
from srdgan_rt.runtime.memory import estimate_bytes_per_pixel

NAME = "torch"


class TorchBackend:
    """Runs :class:`~srdgan_rt.models.L2HNet` in PyTorch, in channels-last layout.

    Args:
        model: the network; copied, so that later changes to it have no effect.
        device: device to run on.
        precision: ``fp32`` (on a GPU without TF32, too), ``fp16`` or ``bf16``.
    """

    name = NAME
    one_shape = False
    largest_side = None
    held_bytes = 0

    def __init__(self, model: Model, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = precision
        self._dtype = DTYPES[precision]
        self.bytes_per_pixel = estimate_bytes_per_pixel(model.spec, self._dtype.itemsize)
        self._net = prepare_net(model.net, device, self._dtype)

    @torch.inference_mode()
    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        x = x.to(self.device, self._dtype).contiguous(memory_format=torch.channels_last)
        with exact_precision(self.device, self._dtype):
            result: Tensor = self._net(x)
        return result.to(torch.float32)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`: None, as PyTorch keeps no state."""


def why_not(device: torch.device, precision: str) -> str | None:
    """Why PyTorch cannot be used with this device and precision, in one line; None where it can."""
    return f"the torch engine has no {precision}" if precision in ("int8", "fp8") else None


def create(model: Model, device: torch.device, precision: str) -> TorchBackend:
    """See :class:`TorchBackend`."""
    return TorchBackend(model, device, precision)
