"""The graph that the peers read ONNX from."""

from __future__ import annotations

from torch import Tensor

from srdgan_rt.export import export_onnx, measure_input_ranges
from srdgan_rt.models.l2h import L2HNet


def export_graph(net: L2HNet, pictures: list[Tensor], *, int8: bool) -> bytes:
    """The network as an ONNX graph.

    Args:
        net: the network.
        pictures: what int8 is calibrated on, each ``(1, 3, H, W)``.
        int8: mark the convolutions of dense blocks for int8, as ``srdgan-rt export --precision int8`` does. It is what
            our own engine computes in int8, too.
    """
    if not int8:
        return export_onnx(net)
    return export_onnx(net, precision="int8", ranges=measure_input_ranges(net, pictures), rest="fp32")
