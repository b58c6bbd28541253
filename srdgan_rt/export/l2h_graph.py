"""The low-to-high net (section 3.3 of the paper) as an ONNX graph."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from srdgan_rt.export.graph import Graph
from srdgan_rt.models.l2h import NEGATIVE_SLOPE, RESIDUAL_SCALE, L2HNet, ResidualDenseBlock


def add_l2h(graph: Graph, net: L2HNet, form: str) -> None:
    """Adds the whole network, from the input ``input`` to its last convolution.

    Args:
        graph: to which the nodes are added; they are named as the network's weights are.
        net: the network.
        form: ``concat`` or ``push``, see :func:`srdgan_rt.export.export_onnx`.
    """
    add_dense_block = {"concat": _add_concat_block, "push": _add_push_block}[form]
    picture, weight = "input", net.conv_first.weight
    if net.unshuffle > 1:
        picture = graph.add("SpaceToDepth", [picture], "blocks", blocksize=net.unshuffle)
        # ONNX has the colours of a block's first pixel first, PyTorch all pixels of a block's first colour.
        weight = weight.unflatten(1, (3, -1)).transpose(1, 2).flatten(1, 2)
    first = features = graph.conv_of(picture, weight, net.conv_first.bias, "conv_first")
    for index, block in enumerate(net.body):
        start = features
        for name, dense_block in block.named_children():
            assert isinstance(dense_block, ResidualDenseBlock)
            features = add_dense_block(graph, features, dense_block, f"body.{index}.{name}")
        features = graph.add("Add", [start, graph.scale(features, RESIDUAL_SCALE)], f"body.{index}")
    features = graph.add("Add", [first, graph.conv(features, net.conv_body, "conv_body")], "body")
    for index, conv in enumerate(net.upsampling_convs(), start=1):
        if index == 1:
            graph.constant("enlargement", np.array([1, 1, 2, 2], np.float32))
        features = graph.add(
            "Resize",
            [features, "", "enlargement"],
            f"enlarged{index}",
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        features = graph.leaky_relu(graph.conv(features, conv, f"conv_up{index}"), NEGATIVE_SLOPE)
    features = graph.leaky_relu(graph.conv(features, net.conv_hr, "conv_hr"), NEGATIVE_SLOPE)
    graph.conv(features, net.conv_last, "conv_last")


def _convolutions(block: ResidualDenseBlock) -> list[nn.Conv2d]:
    return [block.conv1, block.conv2, block.conv3, block.conv4, block.conv5]


def _add_concat_block(graph: Graph, x: str, block: ResidualDenseBlock, name: str) -> str:
    """A dense block in its usual form: each convolution reads the concatenation of everything before it."""
    features = [x]
    for number, conv in enumerate(_convolutions(block), start=1):
        node = f"{name}.conv{number}"
        joined = x if number == 1 else graph.add("Concat", features, f"{node}.input", axis=1)
        result = graph.conv(joined, conv, node)
        if number < 5:
            features.append(graph.leaky_relu(result, NEGATIVE_SLOPE))
    return graph.add("Add", [x, graph.scale(result, RESIDUAL_SCALE)], name)


def _add_push_block(graph: Graph, x: str, block: ResidualDenseBlock, name: str) -> str:
    """The same sums in another order: each feature is convolved once with the filters of all convolutions that read it.

    Convolution is linear in its input channels, so a convolution of a concatenation is the sum of convolutions of its
    parts. No concatenation is left; what each consumer gets from each source is added up.
    """
    convs = _convolutions(block)
    widths = [convs[0].in_channels, *(conv.out_channels for conv in convs[:4])]  # channels of the five sources
    sums: dict[int, str] = {}
    source, offset = x, 0
    for index, width in enumerate(widths):
        consumers = convs[index:]
        weight = torch.cat([conv.weight[:, offset : offset + width] for conv in consumers])
        bias: Tensor | None = None
        if index == 0:
            bias = torch.cat([conv.bias for conv in consumers if conv.bias is not None])
        pushed = graph.conv_of(source, weight, bias, f"{name}.from{index}")
        numbers = range(index + 1, 6)
        parts = [f"{pushed}.to{number}" for number in numbers] if len(consumers) > 1 else [pushed]
        if len(consumers) > 1:
            graph.split(pushed, [conv.out_channels for conv in consumers], parts)
        for number, part in zip(numbers, parts, strict=True):
            sums[number] = part if index == 0 else graph.add("Add", [sums[number], part], f"{part}.sum")
        offset += width
        if index < 4:
            source = graph.leaky_relu(sums[index + 1], NEGATIVE_SLOPE)
    return graph.add("Add", [x, graph.scale(sums[5], RESIDUAL_SCALE)], name)
