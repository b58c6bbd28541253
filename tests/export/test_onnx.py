"""Exported graphs compute what the networks compute."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from srdgan_rt.errors import InputError
from srdgan_rt.export import FORMS, export_onnx, measure_input_ranges, measure_scales
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.models.h2l import draw_noise

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TOLERANCE = {"fp32": 1e-5, "fp16": 1e-3}
DTYPE = {"fp32": np.float32, "fp16": np.float16}


def run(content: bytes, precision: str, **inputs: Tensor) -> Tensor:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    given = {name: value.numpy().astype(DTYPE[precision]) for name, value in inputs.items()}
    return torch.from_numpy(session.run(None, given)[0].astype(np.float64))


def count(content: bytes, operator: str) -> int:
    return sum(node.op_type == operator for node in onnx.load_from_string(content).graph.node)


def properties(content: bytes) -> dict[str, Any]:
    return {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_l2h_equals_the_net_in_float64(precision: str, form: str, scale: int) -> None:
    torch.manual_seed(scale)
    net = L2HNet(2, 8, 4, scale)
    content = export_onnx(net, precision=precision, form=form)
    reference = copy.deepcopy(net).double()
    for batch, height, width in ((1, 1, 1), (2, 7, 13), (1, 16, 9)):
        x = torch.rand(batch, 3, height, width).half().double()  # exact in either type
        with torch.inference_mode():
            expected = reference(x)
        result = run(content, precision, input=x)
        assert result.shape == expected.shape
        torch.testing.assert_close(result, expected, rtol=0, atol=TOLERANCE[precision])


@pytest.mark.parametrize(("scale", "unshuffle"), [(2, 2), (1, 4), (1, 2)])
def test_l2h_with_pixel_unshuffle_equals_the_net_in_float64(scale: int, unshuffle: int) -> None:
    torch.manual_seed(0)
    net = L2HNet(1, 8, 4, scale, unshuffle)
    x = torch.rand(2, 3, 3 * unshuffle, 5 * unshuffle).double()
    with torch.inference_mode():
        expected = copy.deepcopy(net).double()(x)
    torch.testing.assert_close(run(export_onnx(net), "fp32", input=x), expected, rtol=0, atol=1e-5)


def test_forms_differ_in_concatenations_only_where_they_should() -> None:
    net = L2HNet(2, 8, 4, 4)
    assert count(export_onnx(net), "Concat") == 2 * 3 * 4
    assert count(export_onnx(net, form="push"), "Concat") == 0


def test_bf16_is_written_with_an_opset_that_has_it() -> None:
    """Nothing here runs bf16 convolutions; TensorRT builds engines of such graphs in tests/tensorrt."""
    model = onnx.load_from_string(export_onnx(L2HNet(1, 8, 4), precision="bf16"))
    floats = {tensor.data_type for tensor in model.graph.initializer if tensor.name != "enlargement"}
    assert floats == {onnx.TensorProto.BFLOAT16}
    assert model.opset_import[0].version >= 22


def make_picture(side: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_int8_loses_little() -> None:
    """Against fp32, of a net whose result fills the range; each range is that of its convolution's own input."""
    torch.manual_seed(0)
    net = L2HNet(2, 16, 8, 2).eval()
    x = make_picture(24)
    with torch.inference_mode():
        expected = net(x)
        gain = 0.2 / expected.std()
        net.conv_last.weight.mul_(gain)
        net.conv_last.bias.zero_()
        expected = net(x)
    ranges = measure_input_ranges(net, [make_picture(24, seed=1), make_picture(40, seed=2)])
    assert set(ranges) == {f"body.{block}.rdb{n}.conv{k}" for block in (0, 1) for n in (1, 2, 3) for k in range(1, 6)}
    content = export_onnx(net, precision="int8", ranges=ranges)
    error = (run(content, "fp32", input=x) - expected).square().mean()
    assert -10 * error.log10() > 45
    wrong = export_onnx(net, precision="int8", ranges={name: 100 * value for name, value in ranges.items()})
    assert (run(wrong, "fp32", input=x) - expected).square().mean() > 100 * error


def test_int8_graphs_hold_bytes() -> None:
    net = L2HNet(1, 16, 8, 2)
    content = export_onnx(net, precision="int8", ranges=measure_input_ranges(net, [make_picture(8)]))
    assert count(content, "QuantizeLinear") == 15  # inputs of the convolutions of three dense blocks
    assert count(content, "DequantizeLinear") == 30  # their weights, too
    dense = sum(conv.weight.numel() for block in net.body for rdb in block.children() for conv in rdb.children())
    bytes_ = [t for t in onnx.load_from_string(content).graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert sum(int(np.prod(tensor.dims)) for tensor in bytes_ if len(tensor.dims) == 4) == dense
    assert properties(content)["precision"] == "int8"
    steps = [t for t in onnx.load_from_string(content).graph.initializer if t.name.endswith(".input_step")]
    assert {len(tensor.dims) for tensor in steps} == {0}  # with one dimension, TensorRT convolves in fp16


@pytest.mark.parametrize(("precision", "rest"), [("int8", "fp16"), ("fp8", "fp32"), ("fp8", "fp16")])
def test_other_bytes_and_other_rests_lose_little(precision: str, rest: str) -> None:
    torch.manual_seed(0)
    net = L2HNet(1, 16, 8, 2).eval()
    torch.nn.init.normal_(net.conv_last.weight, std=0.3)
    x = make_picture(16)
    with torch.inference_mode():
        expected = net(x)
    content = export_onnx(net, precision=precision, ranges=measure_input_ranges(net, [x]), rest=rest)
    error = (run(content, rest, input=x) - expected).square().mean() / expected.square().mean()
    assert -10 * error.log10() > 35
    kind = {"int8": onnx.TensorProto.INT8, "fp8": onnx.TensorProto.FLOAT8E4M3FN}[precision]
    assert sum(tensor.data_type == kind for tensor in onnx.load_from_string(content).graph.initializer) == 15 * 3


def test_int8_of_a_net_that_computes_nothing() -> None:
    """Ranges and weights of 0 need a step all the same."""
    net = L2HNet(1, 8, 4, 1)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    content = export_onnx(net, precision="int8", ranges=measure_input_ranges(net, [torch.zeros(1, 3, 4, 4)]))
    assert run(content, "fp32", input=torch.ones(1, 3, 4, 4)).abs().max() == 0


@pytest.mark.parametrize("options", [{}, {"form": "push", "ranges": {}}])
def test_int8_needs_ranges_and_concatenations(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="int8 needs a low-to-high net, the form concat, and ranges"):
        export_onnx(L2HNet(1, 8, 4), precision="int8", **options)
    with pytest.raises(InputError, match="ranges are measured on pictures, got none"):
        measure_input_ranges(L2HNet(1, 8, 4), [])


@pytest.mark.parametrize(("scale", "unshuffle"), [(4, 1), (2, 2), (1, 4)])
def test_sizes_of_values_are_known(scale: int, unshuffle: int) -> None:
    scales = measure_scales(export_onnx(L2HNet(1, 8, 4, scale, unshuffle)))
    assert scales["conv_first"] == scales["body"] == scales["body.0.rdb1.conv2.input"] == 1 / unshuffle
    assert scales["conv_last"] == scales["conv_hr"] == scale
    assert scales["conv_up1"] == 2 / unshuffle


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_h2l_equals_the_net_in_float64(scale: int) -> None:
    torch.manual_seed(scale)
    net = H2LNet(2, 8, scale)
    torch.nn.init.normal_(net.conv_last.weight, std=0.1)
    clean = torch.rand(2, 3, 3 * scale, 5 * scale).double()
    noise = draw_noise(clean)
    with torch.inference_mode():
        expected = copy.deepcopy(net).double()(clean, noise)
    result = run(export_onnx(net), "fp32", input=clean, noise=noise)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


def test_the_file_states_what_it_is() -> None:
    content = export_onnx(L2HNet(1, 8, 4, 2), precision="fp16", form="push", metadata={"name": "small", "form": "lie"})
    expected = {"name": "small", "precision": "fp16", "form": "push", "scale": "2", "unshuffle": "1"}
    assert properties(content) == expected
    assert properties(export_onnx(L2HNet(1, 8, 4, 2, 2)))["unshuffle"] == "2"
    assert "unshuffle" not in properties(export_onnx(H2LNet(1, 8)))


def test_names_are_those_of_the_weights() -> None:
    net = L2HNet(1, 8, 4, 4)
    names = {weight.name for weight in onnx.load_from_string(export_onnx(net)).graph.initializer}
    assert {name for name, _ in net.named_parameters()} <= names


def test_rejects_weights_beyond_fp16() -> None:
    net = L2HNet(1, 8, 4, 4)
    with torch.no_grad():
        net.conv_hr.weight[0, 0, 0, 0] = 1e6
    with pytest.raises(InputError, match=r"conv_hr.weight holds values that are too large for float16: export in fp32"):
        export_onnx(net, precision="fp16")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "int4"}, "precision must be fp32, fp16, bf16, int8, fp8, got 'int4'"),
        ({"form": "pull"}, "form must be concat or push, got 'pull'"),
    ],
)
def test_rejects_unknown_words(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        export_onnx(L2HNet(1, 8, 4, 4), **wrong)


def test_rejects_a_form_that_h2l_does_not_have() -> None:
    with pytest.raises(InputError, match="form of a high-to-low net must be concat, got 'push'"):
        export_onnx(H2LNet(1, 8, 2), form="push")
