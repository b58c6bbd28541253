"""Peers: other engines that run the same weights, for ``srdgan-rt bench --peers``; one file each.

Each ``build`` takes the network, the batch that will be run, and the number of threads. It returns a function from that
batch to the result. It raises :class:`~srdgan_rt.errors.BackendUnavailableError` where the engine is
not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from srdgan_rt.bench.peers import ncnn, onnxruntime, openvino, torch_compile, torch_eager
from srdgan_rt.models.l2h import L2HNet

Run = Callable[[Tensor], Tensor]
"""``(1, 3, H, W)`` float32 in [0, 1] -> ``(1, 3, scale * H, scale * W)`` float32."""

Build = Callable[[L2HNet, Tensor, int], Run]

PEERS: dict[str, Build] = {
    "torch eager NCHW": partial(torch_eager.build, channels_last=False),
    "torch eager channels_last": partial(torch_eager.build, channels_last=True),
    "torch bf16 channels_last": partial(torch_eager.build, channels_last=True, bf16=True),
    "torch.compile channels_last": torch_compile.build,
    "onnxruntime": onnxruntime.build,
    "onnxruntime int8": partial(onnxruntime.build, int8=True),
    "openvino": openvino.build,
    "openvino bf16": partial(openvino.build, bf16=True),
    "openvino int8": partial(openvino.build, int8=True),
    "openvino int8 and bf16": partial(openvino.build, int8=True, bf16=True),
    "ncnn": partial(ncnn.build, bf16_storage=False),
    "ncnn bf16 storage": partial(ncnn.build, bf16_storage=True),
}
