"""The list of layers in the log of a build, and progress."""

from __future__ import annotations

import dataclasses

from srdgan_rt.tensorrt.layers import Layer, count_layers, read_layers
from srdgan_rt.tensorrt.library import describe_errors
from srdgan_rt.tensorrt.progress import PhaseTree


def tensor(name: str, channels: int, kind: str = "Half") -> str:
    return (
        f"{{ Name: {name}, Dimensions: [1,{channels},-1,-1], Strides: [-1,1,-1,{channels}], "
        f"StrideOrder: [3,0,2,1], Datatype: {kind}, Format: (NHWC) Channel major format }}"
    )


def line(name: str, kind: str, inputs: str, outputs: str, nodes: str = "", constants: str = "") -> str:
    metadata = "\x1e".join(f"[ONNX Layer: {node}]" for node in nodes.split())
    return (
        f"Name: {name}, LayerType: {kind}, Inputs: [{inputs}], Constants: [{constants}], Outputs: [{outputs}], "
        f"TacticName: t, StreamId: 0, Metadata: {metadata}"
    )


LISTING = "\n".join(
    [
        "Layers:",
        line("__mye1_myl0_0", "shape_call", "", ""),
        line("first_myl0_1", "correlation", tensor("input", 3), tensor("a", 32), "first", tensor("weights", 3)),
        line("__myl_CorrMulMax_myl0_2", "runtime_fusion", tensor("a", 32), tensor("b", 16), "conv conv.activated"),
        line("__myl_Conc_myl0_3", "runtime_function", f"{tensor('a', 32)}, {tensor('b', 16)}", tensor("c", 48), "join"),
        line("__myl_SlicAdd_myl0_4", "kgen", f"{tensor('c', 48)}, {tensor('a', 32)}", tensor("d", 16), "split sum"),
        line("__myl_ResiCorr_myl0_5", "kgen", tensor("d", 16), tensor("e", 8), "enlarged conv_up"),
        line("__myl_Tran_myl0_6", "kgen", tensor("e", 8), tensor("output", 3, "Float")),
        "",
        "I/O Tensors:",
    ]
)
SCALES = {"first": 1.0, "conv": 1.0, "join": 1.0, "enlarged": 2.0, "conv_up": 2.0}


def test_reads_what_the_inspector_of_the_classic_package_says():
    """Written after a description of what the inspector prints; no real output was at hand."""

    def tensor(name, channels, kind):
        return f"{{ Name: {name}, Location: Device, Dimensions: [1,{channels},-1,-1], Format/Datatype: {kind} }}"

    source = tensor("input", 3, "Row major linear FP32")
    target = tensor("a", 32, "Channel major FP16 format where channel % 8 == 0")
    listing = (
        f"Layers:\nName: conv + PWN(conv.activated), LayerType: CaskConvolution, Inputs: [{source}], "
        f"Outputs: [{target}], ParameterType: Convolution, Kernel: [3,3], Groups: 1, TacticName: sm89_xmma, "
        "StreamId: 0, Metadata: [ONNX Layer: conv]\x1e[ONNX Layer: conv.activated]\n\nBindings:\n"
    )
    (layer,) = read_layers([(4, listing)], SCALES)
    assert (layer.name, layer.kind, layer.tactic) == ("conv + PWN(conv.activated)", "CaskConvolution", "sm89_xmma")
    assert layer.sources == ("conv", "conv.activated")
    assert [tensor.type for tensor in (*layer.inputs, *layer.outputs)] == ["Float", "Half"]
    assert layer.bytes_per_pixel == 4 * 3 + 2 * 32


def test_reads_layers_types_and_sizes():
    layers = read_layers([(3, "Engine generation completed"), (4, LISTING)], SCALES)
    assert [layer.bytes_per_pixel for layer in layers] == [
        0,
        2 * (3 + 32),
        2 * (32 + 16),
        2 * (48 + 48),
        2 * (16 + 16 + 16),  # a slice of 16 channels of each of two maps
        2 * 16 + 4 * 2 * 8,  # four pixels for one
        4 * (2 * 8 + 4 * 3),
    ]
    assert layers[2].sources == ("conv", "conv.activated")
    assert [layer.is_concatenation for layer in layers].index(True) == 3
    counts = count_layers(layers)
    assert (counts.kernels, counts.concatenations, counts.concatenated_bytes_per_pixel) == (6, 1, 192)
    assert counts.types == {"Half": 5, "Float": 1}
    assert counts.fusions == {"Conv": 1, "CorrMulMax": 1, "Conc": 1, "SlicAdd": 1, "ResiCorr": 1, "Tran": 1}


def test_layers_survive_json():
    layers = read_layers([(4, LISTING)], SCALES)
    assert [Layer.from_dict(dataclasses.asdict(layer)) for layer in layers] == layers


def test_a_log_without_a_list_gives_none():
    assert read_layers([(3, "Engine generation completed"), (4, "Layers:\nof another form")], {}) == []
    assert count_layers([]).kernels == 0


def test_progress_counts_phases_inside_phases():
    phases = PhaseTree()
    assert phases.fraction == 0
    phases.start("build", None, 4)
    phases.start("clone", "build", 10)
    phases.step("clone", 4)
    assert phases.fraction == 0.125
    phases.finish("clone")
    phases.step("build", 0)
    assert phases.fraction == 0.25
    phases.start("clone", "build", 2)  # names come again
    assert phases.fraction == 0.25
    phases.step("clone", 1)
    assert phases.fraction == 0.5
    phases.finish("clone")
    assert phases.fraction == 0.5
    phases.finish("build")
    assert phases.fraction == 1


def test_errors_are_told_in_one_line():
    cause = "IBuilder::buildSerializedNetwork: Error Code 1: Cuda Runtime (In generate at /_src/a.cpp:221 (no driver))"
    messages = [(2, "a warning"), (1, f"{cause}\nmore"), (0, "what follows from it")]
    assert describe_errors(messages) == "Error Code 1: Cuda Runtime ((no driver))"
    assert describe_errors([]) == "it gave no reason"
    assert len(describe_errors([(1, "x" * 1000)])) < 400
