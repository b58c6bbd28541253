"""The high-to-low net (section 3.2 of the paper) as an ONNX graph."""

from __future__ import annotations

from torch.nn import functional as F

from srdgan_rt.export.graph import Graph
from srdgan_rt.models.h2l import NEGATIVE_SLOPE, SHORTCUT_SCALE, H2LNet, ResidualBlock


def add_h2l(graph: Graph, net: H2LNet) -> None:
    """Adds the whole network, from the inputs ``input`` (the clean picture) and ``noise`` to its last convolution."""
    features = graph.add("Concat", ["input", "noise"], "features", axis=1)
    shortcuts = [features]
    for index, block in enumerate(net.body):
        assert isinstance(block, ResidualBlock)
        name = f"body.{index}"
        residual = graph.leaky_relu(graph.conv(features, block.conv1, f"{name}.conv1"), NEGATIVE_SLOPE)
        residual = graph.conv(residual, block.conv2, f"{name}.conv2")
        missing = block.conv2.out_channels - block.conv1.in_channels
        if missing:
            features = graph.widen(features, missing, f"{name}.widened")
        features = graph.leaky_relu(graph.add("Add", [features, residual], f"{name}.sum"), NEGATIVE_SLOPE)
        shortcuts.append(graph.scale(features, SHORTCUT_SCALE))
    joined = graph.add("Concat", shortcuts, "shortcuts", axis=1)
    before, after = net.last_padding[:2]
    # ONNX knows no negative padding; a row and a column of zeros in front of the filter step over as many pixels.
    cut = max(0, -before)
    weight = F.pad(net.conv_last.weight, (cut, 0, cut, 0))
    graph.conv_of(joined, weight, net.conv_last.bias, "conv_last", stride=net.scale, padding=(max(0, before), after))
