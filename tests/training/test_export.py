from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from srdgan_rt.checkpoint import load_h2l, load_model
from training import export, export_h2l

_MODEL = "num_blocks = 1\nnum_features = 8\ngrowth_channels = 4\n"
_TOML = {
    "l2h": f"name = 'tiny'\niterations = 6\n[weights]\npixel = 1\nfeature = 0\nadversarial = 0\n[model]\n{_MODEL}",
    "h2l": "name = 'tiny'\niterations = 6\n[model]\nnum_blocks = 1\nnum_features = 8\n",
    "joint": f"name = 'tiny'\niterations = 6\nh2l_init = 'a.pt'\nl2h_init = 'b.pt'\n[l2h_model]\n{_MODEL}"
    "[h2l_model]\nnum_blocks = 1\nnum_features = 8\n",
}
_LINE = {
    "l2h": "python -m training.train_l2h --config training/configs/tiny.toml`, 1 iterations, at commit ",
    "joint": "losses pixel 0.01, feature 1, adversarial 0.005, from b.pt.",
}


@pytest.mark.parametrize("name", ["l2h", "joint"])
def test_the_average_is_written_with_its_card(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stage = make_stage(name)
    trainer = stage.trainer(tmp_path / "run")
    trainer.step(stage.make_batch(0))
    trainer.save()
    (tmp_path / "tiny.toml").write_text(_TOML[name])
    output = tmp_path / "tiny.safetensors"
    options = {"--config": tmp_path / "tiny.toml", "--run": tmp_path / "run", "--data": tmp_path, "--output": output}
    command = ["export", *(str(word) for item in options.items() for word in item), "--halo", "9"]
    monkeypatch.setattr(sys, "argv", command + ["--joint"] * (name == "joint"))
    export.main()
    model = load_model(output)
    net, spec, metadata = model.net, model.spec, model.metadata
    assert spec.halo == 9
    assert metadata["iterations"] == "1"
    for key, value in trainer.duels[-1].average.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert _LINE[name] in output.with_suffix(".md").read_text()


@pytest.mark.parametrize("name", ["h2l", "joint"])
def test_a_degradation_is_written_with_its_noise(
    make_stage: Any, training_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stage = make_stage(name)
    trainer = stage.trainer(tmp_path / "run")
    trainer.step(stage.make_batch(0))
    trainer.save()
    for split in ("train", "test"):
        (tmp_path / "phone_pairs").mkdir(exist_ok=True)
        (tmp_path / "phone_pairs" / split).symlink_to(training_root / "phone_pairs" / "train")
    (tmp_path / "tiny.toml").write_text(_TOML[name])
    output = tmp_path / "tiny.safetensors"
    options = {"--config": tmp_path / "tiny.toml", "--run": tmp_path / "run", "--data": tmp_path, "--output": output}
    command = ["export", *(str(word) for item in options.items() for word in item)]
    monkeypatch.setattr(sys, "argv", command + ["--joint"] * (name == "joint"))
    export_h2l.main()
    model = load_h2l(output)
    net, metadata = model.net, model.metadata
    assert 0.01 < float(metadata["noise_levels"]) < 0.1  # one frame, one level
    assert json.loads(metadata["scores"])["noise_variance_error"] < 0.5  # a fresh net makes white noise of that level
    for key, value in trainer.duels[0].average.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    card = output.with_suffix(".md").read_text()
    assert f"python -m training.train_{name} --config training/configs/tiny.toml`, 1 iterations" in card
    assert "| correlation of neighbours | " in card


def test_a_run_without_a_checkpoint_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.toml").write_text(_TOML["l2h"])
    options = ["--config", str(tmp_path / "tiny.toml"), "--run", str(tmp_path), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["export", *options, "--output", str(tmp_path / "x.safetensors"), "--halo", "9"])
    with pytest.raises(SystemExit, match="2"):
        export.main()
    assert "there is no checkpoint in" in capsys.readouterr().err
