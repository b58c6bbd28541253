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


def test_says_that_onnx_is_missing(run, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    outcome = run("export", "-n", model, "-o", tmp_path / "tiny.onnx")
    assert outcome.status == 2
    assert outcome.err_lines == ["srdgan-rt: error: ONNX graphs need the package onnx: pip install 'srdgan_rt[onnx]'"]


def test_rejects_another_ending(run, model, tmp_path):
    outcome = run("export", "-n", model, "-o", tmp_path / "tiny.pt")
    assert outcome.status == 2
    assert "--output must end in .onnx" in outcome.err
