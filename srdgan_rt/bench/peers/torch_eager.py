"""PyTorch in eager mode, in either memory layout, in fp32 or by autocast in bf16."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models.l2h import L2HNet
from srdgan_rt.runtime.backend import prepare_net


def build(
    net: L2HNet, sample: Tensor, num_threads: int, *, channels_last: bool, bf16: bool = False
) -> Callable[[Tensor], Tensor]:
    """Runs the network eagerly. The number of threads is PyTorch's setting, which the caller has set.

    ``bf16`` is refused without AMX, where it is slower than fp32.
    """
    if bf16 and (reason := _ext.why_no_bf16()) is not None:
        raise BackendUnavailableError(reason)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    placed = prepare_net(net, torch.device("cpu"), torch.float32) if channels_last else copy.deepcopy(net).eval()

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result: Tensor = placed(x.contiguous(memory_format=layout))
        return result.float()

    return run
