"""Every engine that is compared computes the very network that it is said to compute."""

from __future__ import annotations

import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.bench.engines import OURS, build_engine, precision_of
from srdgan_rt.bench.peers import PEERS
from srdgan_rt.bench.peers.ncnn import write_ncnn
from srdgan_rt.bench.sample import make_sample
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import L2HNet

MODULES = {
    "onnxruntime": "onnxruntime",
    "onnxruntime int8": "onnxruntime",
    "openvino": "openvino",
    "openvino bf16": "openvino",
    "openvino int8": "openvino",
    "openvino int8 and bf16": "openvino",
    "ncnn": "ncnn",
    "ncnn bf16 storage": "ncnn",
}
COMPILED = "torch.compile channels_last"


def check(name, net, tolerance):
    sample = make_sample(17, 20)  # sides that suit no vector and no Winograd tile
    with torch.inference_mode():
        expected = net(sample)
    run = build_engine(name, net, sample, 1)
    for _ in range(2):  # the second run must not hand out the first one's memory
        result = run(sample)
        assert result.shape == expected.shape
        assert (result - expected).abs().max() < tolerance * expected.abs().max()


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("name", [name for name in (*OURS, *PEERS) if name != COMPILED])
def test_engine_agrees_with_the_network(make_net, name, scale, monkeypatch):
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    if name.startswith("openvino int8") and not _ext.has_fast_int8():
        pytest.skip("openvino's sums overflow without VNNI")
    if "bf16" in name and not name.startswith(("native", "ncnn")) and not _ext.has_fast_bf16():
        pytest.skip("refused without AMX")
    for instructions in ("has_fast_int8", "has_fast_bf16"):
        monkeypatch.setattr(_ext, instructions, lambda: True)  # elsewhere other instructions compute the same
    try:
        check(name, make_net(scale=scale, num_blocks=2), tolerance=1e-4 if precision_of(name) == "fp32" else 0.03)
    except BackendUnavailableError as error:
        if not name.startswith("native"):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize(("scale", "unshuffle"), [(2, 2), (1, 4)])
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_the_graph_has_the_pixel_unshuffle(name, scale, unshuffle):
    pytest.importorskip(MODULES[name])
    torch.manual_seed(0)
    net, sample = L2HNet(1, 8, 4, scale, unshuffle).eval(), make_sample(16, 20)  # of whole blocks
    with torch.inference_mode():
        expected = net(sample)
    torch.testing.assert_close(build_engine(name, net, sample, 1)(sample), expected, atol=1e-4, rtol=0)


def test_ncnn_refuses_pixel_unshuffle():
    with pytest.raises(BackendUnavailableError, match="with pixel-unshuffle are not supported for ncnn"):
        write_ncnn(L2HNet(1, 4, 2, 2, 2))


@pytest.mark.slow
def test_compiled_network_agrees(make_net):
    check(COMPILED, make_net(), tolerance=1e-4)


@pytest.mark.parametrize("name", MODULES)
def test_peer_that_is_not_installed_says_so(make_net, name, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, MODULES[name], None)
    with pytest.raises(BackendUnavailableError, match=f"{MODULES[name]} is not installed"):
        PEERS[name](make_net(), make_sample(8, 8), 1)


def test_ncnn_files_count_what_they_hold(make_net):
    net = make_net(num_blocks=2)
    text, weights = write_ncnn(net)
    magic, counts, *layers = text.splitlines()
    num_layers, num_blobs = map(int, counts.split())
    assert magic == "7767517"
    assert len(layers) == num_layers
    outputs = [name for line in layers for name in _blobs(line)[1]]
    inputs = [name for line in layers for name in _blobs(line)[0]]
    assert len(outputs) == len(set(outputs)) == num_blobs
    assert sorted(inputs) == sorted(set(outputs) - {"sr"})  # each blob is read exactly once
    num_convolutions = sum(line.startswith("Convolution ") for line in layers)
    assert len(weights) == 4 * (sum(parameter.numel() for parameter in net.parameters()) + num_convolutions)


def _blobs(line):
    _, _, num_inputs, num_outputs, *names = line.split()
    split = int(num_inputs)
    return names[:split], names[split : split + int(num_outputs)]
