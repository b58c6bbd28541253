"""Builds any engine that can be timed, ours or a peer."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.bench.peers import PEERS, Run
from srdgan_rt.checkpoint import Model
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.calibration import measure_ranges
from srdgan_rt.runtime.engines import choose_engine, create_backend

FULL_PRECISION = "fp32"

OURS = {
    "native": ("native", FULL_PRECISION),
    "native bf16": ("native", "bf16"),
    "native int8": ("native", "int8"),
    "torch": ("torch", FULL_PRECISION),
}
"""Our engines: name in the report to engine and precision. The first is the reference for speedups."""

_CORNER = 64  # pixels
_LOWER_PRECISION = {
    "ncnn bf16 storage": "bf16",
    "onnxruntime int8": "int8",
    "openvino bf16": "bf16",
    "openvino int8": "int8",
    "openvino int8 and bf16": "int8",
    "torch bf16 channels_last": "bf16",
}


def precision_of(name: str) -> str:
    """The lowest precision of an engine's weights and features."""
    return OURS[name][1] if name in OURS else _LOWER_PRECISION.get(name, FULL_PRECISION)


def build_engine(name: str, net: L2HNet, sample: Tensor, num_threads: int) -> Run:
    """Builds an engine that runs only the network: without border padding, tiles or clamping, which peers lack.

    Args:
        name: one of ``OURS`` or ``PEERS``.
        net: the network.
        sample: the batch that will be run, ``(1, 3, H, W)`` float32.
        num_threads: threads of engines that do not use PyTorch's setting.

    Returns:
        A function from that batch to the result.

    Raises:
        BackendUnavailableError: the engine cannot run here.
    """
    if name in PEERS:
        return PEERS[name](net, sample, num_threads)
    engine, precision = OURS[name]
    choice = choose_engine(engine, "cpu", precision)
    ranges = None
    if precision == "int8":
        ranges = measure_ranges(net, [sample[..., :_CORNER, :_CORNER]])  # they do not change the speed
    return create_backend(Model.from_net(net, ranges=ranges), choice).run
