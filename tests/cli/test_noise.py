"""``srdgan-rt noise``: its tables, its page and its errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.models import H2LNet


@pytest.fixture
def folder(tmp_path):
    """Two full-resolution pairs with white noise, as a fresh net makes it."""
    random = np.random.default_rng(0)
    folder = tmp_path / "pairs"
    folder.mkdir()
    clean = np.broadcast_to(np.linspace(60, 190, 128)[None, :, None], (128, 128, 3))
    for name in "ab":
        noisy = clean + random.normal(0, 10, clean.shape)
        for kind, picture in (("clean", clean), ("noisy", noisy)):
            write_picture(folder / f"{name}_{kind}.png", Picture(np.rint(picture).astype(np.uint8)))
    return folder


@pytest.fixture
def net(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "fresh.safetensors"
    save_model(path, H2LNet(num_blocks=1, num_features=8), {})
    return path


def test_a_fresh_net_is_as_real_as_gaussian_noise_is(run, folder, net, tmp_path):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    outcome = run("noise", folder, "-n", net, "--format", "json", "-o", page)
    assert outcome.status == 0
    (described,) = json.loads(outcome.out)["data_sets"]
    noise = described["noise"]
    assert list(noise) == ["real", "real, half to half", "Gaussian", "camera model", "fresh"]
    assert noise["fresh"]["akld"] == pytest.approx(noise["Gaussian"]["akld"], abs=0.02)
    assert abs(noise["fresh"]["lag_1"]) < 0.08
    assert described["pictures"] == ["a", "b"]
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2 * 5
    assert "fresh" in text


def test_a_bad_file_is_named_and_the_rest_is_done(run, folder, net):
    (folder / "a_noisy.png").write_bytes(b"not a picture")
    outcome = run("noise", folder, "-n", net, "--low-resolution")
    assert outcome.status == 1
    assert "pairs: 1 picture, pairs as they are" in outcome.out
    assert len(outcome.err_lines) == 1
    assert "a_noisy.png" in outcome.err


def test_wrong_usage_is_one_line_and_status_2(run, folder, net, tmp_path):
    (tmp_path / "folder.html").mkdir()
    for arguments, message in (
        ([folder, "-n", net, "-n", net], "--model: fresh is given twice"),
        ([folder, "-n", net, "-o", tmp_path / "nowhere" / "page.html"], "its folder does not exist"),
        ([folder, "-n", net, "-o", tmp_path / "folder.html"], "is a folder, not a file"),
        ([folder, "-n", net, "-o", folder / "a_clean.png"], "--output must end in .html, got "),
        ([tmp_path, "-n", net], "must hold pairs"),
        ([tmp_path / "none"], "there is no such folder"),
    ):
        outcome = run("noise", *arguments)
        assert outcome.status == 2
        assert message in outcome.err
        assert len(outcome.err_lines) == 1


def test_a_missing_matplotlib_is_told_before_the_work(run, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    outcome = run("noise", folder, "-o", tmp_path / "page.html")
    assert outcome.status == 2
    assert "pip install 'srdgan_rt[report]'" in outcome.err
    assert outcome.out == ""
