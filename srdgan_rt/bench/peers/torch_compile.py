"""PyTorch's compiler (inductor) on the channels_last network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models.l2h import L2HNet
from srdgan_rt.runtime.backend import prepare_net


def build(net: L2HNet, sample: Tensor, num_threads: int) -> Callable[[Tensor], Tensor]:
    """Compiles the network for the sample's shape and PyTorch's threads; needs a C++ compiler on the machine."""
    # Compiled code is for one shape and number of threads, and after some compilations PyTorch falls back to eager.
    torch.compiler.reset()
    placed = prepare_net(net, torch.device("cpu"), torch.float32)
    compiled: Callable[[Tensor], Tensor] = torch.compile(placed, dynamic=False)

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        with torch.no_grad():
            return compiled(x.contiguous(memory_format=torch.channels_last))

    try:
        run(sample)
    except Exception as error:  # the compiler's own errors have no common root
        raise BackendUnavailableError(f"torch.compile failed: {type(error).__name__}") from error
    return run
