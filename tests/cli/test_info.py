from __future__ import annotations

import json
import sys

import pytest
import torch

from srdgan_rt import _ext, ops
from srdgan_rt.checkpoint import available_models
from srdgan_rt.cli import info
from srdgan_rt.errors import CheckpointError


def test_json_says_what_is_there(run):
    outcome = run("info", "--json")
    assert outcome.status == 0
    facts = json.loads(outcome.out)
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["cpu"]["threads"] == torch.get_num_threads()
    assert facts["engines"]["cpu"]["torch"] is None
    assert facts["engines"]["cpu"]["native"] == _ext.why_not()
    assert (facts["engines"]["cpu"]["native int8"] is None) == (_ext.is_available() and _ext.has_fast_int8())
    assert {"nearest_downsample", "upsample_conv", "l2h_net", "dense_block"} <= set(facts["ops"]) <= set(ops.__all__)
    assert [model["name"] for model in facts["models"]] == available_models()
    assert facts["cuda"]["usable"] == torch.cuda.is_available()


def test_text_has_every_section(run):
    outcome = run("info")
    assert outcome.status == 0
    for heading in ("versions", "build", "cpu", "cuda", "engines on cpu", "tensorrt", "compiled ops"):
        assert f"\n{heading}\n" in f"\n{outcome.out}"
    assert f"  torch: {torch.__version__}\n" in outcome.out
    assert "\nmodels that enlarge\n" in outcome.out
    assert "  auto: srdgan-x4-fast or srdgan-x4-photo, by the noise" in outcome.out
    assert "\nmodels that degrade\n" in outcome.out


def test_says_what_of_tensorrt_was_never_tried(run, monkeypatch, tmp_path):
    monkeypatch.setenv("SRDGAN_RT_ENGINES", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    out = run("info").out
    assert "  builds_engines: no: neither tensorrt_rtx nor tensorrt is installed" in out
    assert f"  engines: 0 in {tmp_path}\n" in out
    assert "the authors never ran an engine on a GPU" in out


def test_missing_extension_is_explained(run, monkeypatch):
    monkeypatch.setattr(_ext, "why_not", lambda: "it was not built")
    monkeypatch.setattr(_ext, "is_available", lambda: False)
    outcome = run("info")
    assert outcome.status == 0
    assert "  native: no: it was not built\n" in outcome.out
    assert "  upsample_conv: no: it was not built\n" in outcome.out


def test_damaged_model_does_not_hide_the_rest(run, monkeypatch):
    def fail(name):
        raise CheckpointError(f"{name}: damaged")

    monkeypatch.setattr("srdgan_rt.checkpoint.available_models", lambda: ["broken"])
    monkeypatch.setattr("srdgan_rt.checkpoint.load_model", fail)
    assert "  broken: damaged: broken: damaged\n" in run("info").out


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ("Set5 28.9 dB", "Set5 28.9 dB"),
        ('{"Set5": [30.09, 0.8547], "lag1": [0.006, 0.004], "akld": 0.043}', "; Set5 30.09 dB / 0.8547, akld 0.043\n"),
    ],
)
def test_scores_are_shown(run, monkeypatch, model, tmp_path, scores, shown):
    from srdgan_rt.checkpoint import load_model, save_model, shipped

    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    save_model(tmp_path / "tiny.safetensors", load_model(model).net, {"scores": scores})
    (facts,) = info.collect_facts()["models"]
    assert facts["num_blocks"] == 1
    assert shown in run("info").out


def test_pairs_are_shown(run, monkeypatch, pair):
    from srdgan_rt.checkpoint import shipped

    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", pair.parent)
    (facts,) = info.collect_facts()["models"]
    assert (facts["name"], facts["default_sharpness"]) == ("pair", 0.25)
    assert ", sharpness 0 to 1 (default 0.25)\n" in run("info").out
    pair.with_name("pair.sharp.safetensors").unlink()
    assert info.collect_facts()["models"][0]["default_sharpness"] is None
    assert "sharpness" not in run("info").out.split("models that enlarge")[1]


def test_both_kinds_of_models_are_shown(run, monkeypatch, tmp_path):
    from srdgan_rt.checkpoint import save_model, shipped
    from srdgan_rt.models import H2LNet

    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    assert run("info").out.count("none: this installation has no weights") == 2
    save_model(tmp_path / "srdgan-h2l.safetensors", H2LNet(1, 8), {})
    outcome = run("info")
    assert "that degrade\n  srdgan-h2l (default): 1/4, 1 blocks, 8 channels, 0.00 M parameters\n" in outcome.out
    (facts,) = json.loads(run("info", "--json").out)["degradations"]
    assert (facts["num_blocks"], facts["scale"], facts["description"]["architecture"]) == (1, 4, "H2LNet")
    (tmp_path / "srdgan-h2l.safetensors").write_bytes(b"")
    assert "srdgan-h2l (default): damaged: " in run("info").out
