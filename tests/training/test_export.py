from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import load_h2l, load_model, save_model
from srdgan_rt.degrade import Degrader
from training import export, export_h2l


def run_export(monkeypatch: pytest.MonkeyPatch, module: ModuleType, run: Path, data: Path, *more: str) -> Path:
    """Exports a run under a name and a licence; returns the weight file beside the run."""
    output = run.parent / "tiny.safetensors"
    options = {"--run": run, "--data": data, "--output": output, "--name": "mine", "--licence": "CC-BY-4.0"}
    words = [str(word) for option in options.items() for word in option]
    monkeypatch.setattr(sys, "argv", ["export", *words, *more])
    module.main()
    return output


@pytest.fixture
def data_sets(tmp_path: Path) -> Path:
    """A folder with a tiny Set5."""
    folder = tmp_path / "data" / "Set5" / "HR"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["l2h", "joint"])
def test_the_average_is_written_with_its_card(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stage = make_stage(name)
    trainer = stage.trainer(tmp_path / "run")
    trainer.step(stage.make_batch(0))
    trainer.save()
    output = run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9")
    model = load_model(output)
    net, spec, metadata = model.net, model.spec, model.metadata
    assert spec.halo == 9
    assert metadata["iterations"] == "1"
    for key, value in trainer.gans[-1].ema.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert (metadata["name"], metadata["license"]) == ("mine", "CC-BY-4.0")
    assert "scores" not in metadata
    card = output.with_suffix(".md").read_text()
    assert card.startswith("# mine\n")
    assert f"- Training: stage `{name}`, 1 iterations." in card
    assert "Not scored: no evaluation set was there" in card
    assert "|" not in card


def test_weights_may_be_mixed_with_others(
    make_stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = make_stage("l2h")
    trainer = stage.trainer(tmp_path / "run")
    trainer.save()
    ema = trainer.gans[-1].ema
    other = copy.deepcopy(ema)
    other.conv_last.weight.data += 1
    save_model(tmp_path / "other.safetensors", other, {"training_data": "photographs"}, dtype=torch.float32)
    mix = f"{tmp_path / 'other.safetensors'}:0.25"
    output = run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9", "--mix", mix)
    model = load_model(output)
    torch.testing.assert_close(model.net.conv_last.weight, ema.conv_last.weight + 0.25, rtol=1e-3, atol=1e-6)
    card = output.with_suffix(".md").read_text()
    assert "- The weights are a mix: 0.75 of the run and 0.25 of other (SHA-256 " in card
    assert "photographs.\n" in card
    with pytest.raises(SystemExit):
        run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9", "--overwrite", "--mix", "other")
    assert "--mix must be FILE:SHARE with a share between 0 and 1, got 'other'" in capsys.readouterr().err


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
    output = run_export(monkeypatch, export_h2l, tmp_path / "run", tmp_path)
    model = load_h2l(output)
    net, metadata = model.net, model.metadata
    assert 0.01 < float(metadata["noise_levels"]) < 0.1  # one frame, one level
    assert json.loads(metadata["scores"])["noise_variance_error"] < 0.5  # a fresh net makes white noise of that level
    for key, value in trainer.gans[0].ema.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    card = output.with_suffix(".md").read_text()
    assert f"- Training: stage `{name}`, 1 iterations." in card
    assert "| correlation of neighbours | " in card


def test_frames_that_are_not_held_out_leave_no_empty_table(
    make_stage: Any, training_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_stage("h2l").trainer(tmp_path / "run")
    trainer.save()
    output = run_export(monkeypatch, export_h2l, tmp_path / "run", training_root)
    card = output.with_suffix(".md").read_text()
    assert "Not measured: no held-out frames" in card
    assert "|" not in card


def test_a_degradation_may_be_levelled(
    make_stage: Any, training_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_stage("h2l").trainer(tmp_path / "run")
    trainer.gans[0].ema.conv_last.bias.data += 0.02
    trainer.save()
    output = run_export(monkeypatch, export_h2l, tmp_path / "run", training_root, "--level-flats", str(training_root))
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert Degrader(output, device="cpu").degrade(grey, noise_level=0).mean() < 132  # 133 without
    assert "- Flat areas were levelled: other pictures change by " in output.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("module", "fault", "status", "message"),
    [
        (export, "none", 2, "there is no checkpoint in "),
        (export, "damaged", 1, "is damaged, or no checkpoint of a run"),
        (export, "h2l", 2, "holds no low-to-high net: "),
        (export_h2l, "l2h", 2, "holds no high-to-low net: "),
        (export, "licence", 2, "--licence must not be empty"),
        (export, "data", 2, "there is no folder "),
        (export, "output", 2, "there is no folder "),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    make_stage: Any,
    training_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: ModuleType,
    fault: str,
    status: int,
    message: str,
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    if fault == "damaged":
        (run / "checkpoint.pt").write_bytes(b"damaged")
    elif fault != "none":
        make_stage(fault if fault in ("h2l", "l2h") else "l2h").trainer(run).save()
    more = ["--licence", " "] * (fault == "licence") + ["--halo", "9"] * (module is export)
    more += ["--output", str(tmp_path / "none" / "tiny.safetensors")] * (fault == "output")
    with pytest.raises(SystemExit) as stop:
        run_export(monkeypatch, module, run, tmp_path / "none" if fault == "data" else training_root, *more)
    assert stop.value.code == status
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("missing", ["--name", "--licence"])
def test_name_and_licence_have_no_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    options = {"--run": "r", "--data": "d", "--output": "o", "--name": "n", "--licence": "l", "--halo": "9"}
    words = [word for name, value in options.items() if name != missing for word in (name, value)]
    monkeypatch.setattr(sys, "argv", ["export", *words])
    with pytest.raises(SystemExit, match="2"):
        export.main()
    assert f"required: {missing}" in capsys.readouterr().err


def test_sharp_weights_join_the_faithful_ones(
    make_stage: Any, data_sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_stage("l2h").trainer(tmp_path / "run")
    trainer.save()
    faithful = run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9")
    digest = load_model(faithful).digest
    trainer.step(make_stage("l2h").make_batch(0))
    trainer.save()
    for sharpness in ("0.75", "0.25"):  # the second time, the first is replaced
        more = ("--halo", "11", "--output", str(tmp_path / "tiny.sharp.safetensors"), "--sharpness", sharpness)
        run_export(monkeypatch, export, tmp_path / "run", data_sets, "--overwrite", *more)
    model = load_model(faithful, sharpness=None)
    assert (model.sharpness, model.spec.halo) == (0.25, 11)
    assert load_model(faithful).digest == digest
    cards = [path.read_text() for path in (tmp_path / "tiny.md", tmp_path / "tiny.sharp.md")]
    assert cards[0].count("- Sharp weights: `tiny.sharp.safetensors`; the default sharpness is 0.25.\n- Halo") == 1
    assert "0.75" not in cards[0]
    assert "- These are the sharp weights of a pair; the faithful ones are `tiny.safetensors`; the default" in cards[1]
    rows = [line.split(" | ")[0].strip("| ") for line in cards[1].splitlines() if line.startswith("| ")][1:]
    assert rows == ["bicubic", "nlm", "sharpness 0", "sharpness 0.25", "sharpness 1"]
    scores = json.loads(load_model(tmp_path / "tiny.sharp.safetensors").metadata["scores"])
    last = cards[1].rstrip().splitlines()[-1]
    assert last == f"| sharpness 1 | {scores['Set5'][0]:.2f} / {scores['Set5'][1]:.4f} |"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--sharpness", "0.5"), "--sharpness is for sharp weights, whose --output ends in .sharp.safetensors"),
        (
            ("--output", "alone.sharp.safetensors"),
            "alone.sharp.safetensors are the sharp weights of alone.safetensors: ",
        ),
        (("--output", "tiny.sharp.safetensors", "--sharpness", "2"), "sharpness must be 0..1, got 2"),
    ],
)
def test_what_is_no_pair_is_one_line(
    make_stage: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    make_stage("l2h").trainer(tmp_path / "run").save()
    monkeypatch.chdir(tmp_path)
    Path("tiny.safetensors").touch()
    with pytest.raises(SystemExit, match="2"):
        run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9", "--overwrite", *more)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("kept", ["tiny.safetensors", "tiny.md"])
def test_files_that_exist_are_kept(
    make_stage: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: str,
) -> None:
    make_stage("l2h").trainer(tmp_path / "run").save()
    (tmp_path / kept).write_text("mine")
    with pytest.raises(SystemExit, match="2"):
        run_export(monkeypatch, export, tmp_path / "run", tmp_path, "--halo", "9")
    assert f"{kept} exists: choose --overwrite" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("tiny.*")] == [kept]
    assert (tmp_path / kept).read_text() == "mine"
