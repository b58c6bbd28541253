"""``srdgan-rt export`` writes files that state what they are."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from srdgan_rt.checkpoint import load_model


def test_writes_a_graph_that_runs(run, model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    target = tmp_path / "tiny.onnx"
    outcome = run("export", "-n", model, "-o", target)
    assert outcome.status == 0
    assert outcome.out.startswith(f"{target} (")
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"input": np.zeros((1, 3, 2, 3), np.float32)})
    assert result.shape == (1, 3, 8, 12)
    properties = session.get_modelmeta().custom_metadata_map
    assert properties["name"] == "tiny"
    assert properties["halo"] == "4"
    assert properties["sha256"] == load_model(model).digest


def test_exports_a_degradation_by_name(run, tmp_path):
    onnx = pytest.importorskip("onnx")
    target = tmp_path / "h2l.onnx"
    assert run("export", "-n", "srdgan-h2l", "-o", target, "--precision", "fp16").status == 0
    assert [value.name for value in onnx.load(target).graph.input] == ["input", "noise"]


def test_keeps_a_file_that_exists(run, model, tmp_path):
    target = tmp_path / "tiny.onnx"
    target.write_bytes(b"mine")
    outcome = run("export", "-n", model, "-o", target)
    assert outcome.status == 1
    assert outcome.err_lines == [f"srdgan-rt: error: {target} exists: choose --overwrite"]
    assert target.read_bytes() == b"mine"


def test_int8_is_calibrated_on_pictures(run, model, draw, tmp_path):
    onnx = pytest.importorskip("onnx")
    draw(tmp_path / "in" / "a.png", 40, 30)
    draw(tmp_path / "in" / "grey.png", 9, 7, channels=1)
    draw(tmp_path / "in" / "alpha.png", 8, 300, np.uint16, channels=4)
    target = tmp_path / "tiny.onnx"
    outcome = run("export", "-n", model, "-o", target, "--precision", "int8", "--calibrate", tmp_path / "in")
    assert outcome.status == 0, outcome.err
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(target).graph.node}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "int8"], "--precision int8 needs --calibrate PICTURE"),
        (["--calibrate", "a.png"], "--calibrate is for int8 and fp8, got --precision fp32"),
    ],
)
def test_int8_and_pictures_need_each_other(run, model, tmp_path, arguments, message):
    outcome = run("export", "-n", model, "-o", tmp_path / "tiny.onnx", *arguments)
    assert outcome.status == 2
    assert outcome.err_lines == [f"srdgan-rt: error: {message}"]


def test_pictures_that_cannot_be_read_end_it(run, model, tmp_path):
    pytest.importorskip("onnx")
    target = tmp_path / "tiny.onnx"
    outcome = run("export", "-n", model, "-o", target, "--precision", "int8", "--calibrate", tmp_path / "none.png")
    assert outcome.status == 2
    assert "none.png" in outcome.err
    assert not target.exists()


def test_says_that_onnx_is_missing(run, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    outcome = run("export", "-n", model, "-o", tmp_path / "tiny.onnx")
    assert outcome.status == 2
    assert outcome.err_lines == ["srdgan-rt: error: ONNX graphs need the package onnx: pip install 'srdgan_rt[onnx]'"]


def test_rejects_another_ending(run, model, tmp_path):
    outcome = run("export", "-n", model, "-o", tmp_path / "tiny.pt")
    assert outcome.status == 2
    assert "--output must end in .onnx" in outcome.err


def test_exports_the_net_between_a_pair(run, pair, tmp_path):
    onnx = pytest.importorskip("onnx")
    digests = {}
    for sharpness in ("0", "0.25", "1"):
        target = tmp_path / f"{sharpness}.onnx"
        assert run("export", "-n", pair, "-o", target, "--sharpness", sharpness).status == 0
        digests[sharpness] = {entry.key: entry.value for entry in onnx.load(target).metadata_props}["sha256"]
    assert digests == {text: load_model(pair, sharpness=float(text)).digest for text in digests}
    assert run("export", "-n", pair, "-o", tmp_path / "0.25.onnx", "--overwrite").status == 0
    properties = {entry.key: entry.value for entry in onnx.load(tmp_path / "0.25.onnx").metadata_props}
    assert (properties["name"], properties["sha256"]) == ("pair at sharpness 0.25", digests["0.25"])


def test_a_degradation_has_no_sharpness(run, tmp_path):
    pytest.importorskip("onnx")
    outcome = run("export", "-n", "srdgan-h2l", "-o", tmp_path / "h2l.onnx", "--sharpness", "0.5")
    assert outcome.status == 2
    assert "srdgan-h2l degrades pictures and has no sharpness, got 0.5" in outcome.err_lines[0]


def test_writes_weights_for_spandrel(run, model, tmp_path):
    target = tmp_path / "tiny.safetensors"
    outcome = run("export", "-n", model, "-o", target, "--for", "spandrel")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith(f"{target} (")
    assert load_model(target).spec.growth_channels == 32
    assert run("export", "-n", model, "-o", tmp_path / "a.onnx", "--for", "spandrel").err_lines == [
        f"srdgan-rt: error: --output must end in .safetensors, got {str(tmp_path / 'a.onnx')!r}"
    ]


def test_says_how_edges_become_equal(run, tmp_path):
    target = tmp_path / "fast.safetensors"
    outcome = run("export", "-o", target, "--for", "spandrel")
    padding = load_model(target).spec.border_padding
    assert padding > 0
    assert f"pad pictures by {padding} mirrored pixels and crop the result" in outcome.err
