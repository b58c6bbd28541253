"""How large the values of a graph are, compared with its input."""

from __future__ import annotations

from srdgan_rt.export.graph import import_onnx

_SIDE = 64  # any multiple of all pixel-unshuffles


def measure_scales(graph: bytes) -> dict[str, float]:
    """Pixels a side of each node's result per pixel a side of the input.

    Args:
        graph: an ONNX file of a low-to-high net.

    Returns:
        By the node's name; nodes whose result is no map are left out.

    Raises:
        BackendUnavailableError: the package ``onnx`` is not installed.
    """
    onnx = import_onnx()
    model = onnx.load_from_string(graph)
    for value in model.graph.input:
        for dimension, size in zip(value.type.tensor_type.shape.dim, (1, 3, _SIDE, _SIDE), strict=True):
            dimension.dim_value = size
    model.graph.output[0].type.tensor_type.ClearField("shape")  # it depends on the input's, which was free before
    inferred = onnx.shape_inference.infer_shapes(model).graph
    heights = {}
    for value in (*inferred.value_info, *inferred.output):
        shape = value.type.tensor_type.shape.dim
        if len(shape) == 4:
            heights[value.name] = shape[2].dim_value
    scales = {node.name: heights.get(node.output[0], 0) / _SIDE for node in inferred.node}
    return {name: scale for name, scale in scales.items() if scale > 0}
