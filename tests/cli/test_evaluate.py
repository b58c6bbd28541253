"""``srdgan-rt evaluate``: tables, exit statuses, files written."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.cli import main
from srdgan_rt.models import L2HNet


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in ("a", "b"):
        clean = cv2.resize(random.integers(0, 256, (4, 5, 3), np.uint8), (40, 32), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(clean + random.normal(0, 10, clean.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}_clean.png"), clean)
        cv2.imwrite(str(folder / f"{name}_noisy.png"), noisy)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "minute.safetensors"
    save_model(path, L2HNet(num_blocks=1, num_features=4, growth_channels=2), {})
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_text_names_the_protocol_and_scores_model_and_baselines(
    data_set: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_set, "-n", "bicubic", "-n", "nlm", "-n", "bicubic-clean", "-n", model) == 0
    head, columns, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("tiny: 2 pictures, Y of BT.601 (16..235, not rounded), border of 8 px cropped, x4")
    assert columns.split() == ["method", "PSNR", "SSIM"]
    assert [row.split()[0] for row in rows] == ["bicubic", "nlm", "bicubic-clean", "minute"]
    psnr = {row.split()[0]: float(row.split()[1]) for row in rows}
    assert psnr["bicubic-clean"] > psnr["bicubic"] > psnr["minute"]  # which is not trained


def test_tta_has_a_name_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "HR").mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "HR" / "a.png"), cv2.resize(picture, (64, 48), interpolation=cv2.INTER_CUBIC))
    scores = {}
    for more in ([], ["--tta"]):
        assert run(tmp_path, "-n", "srdgan-x4-fast", "-n", "auto", *more, "--format", "json") == 0
        (described,) = json.loads(capsys.readouterr().out)["data_sets"]
        scores |= {name: method["mean"]["psnr"] for name, method in described["methods"].items()}
    assert list(scores) == ["srdgan-x4-fast", "auto", "srdgan-x4-fast, tta", "auto, tta"]
    assert scores["srdgan-x4-fast"] != scores["srdgan-x4-fast, tta"]


def test_auto_has_the_scores_of_the_model_that_it_chooses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = np.random.default_rng(0).normal(128, 9, (48, 48)).round().astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a_clean.png"), np.full_like(grey, 128))
    cv2.imwrite(str(tmp_path / "a_noisy.png"), grey)
    sharpness = ["--sharpness", 0, "--sharpness", 1]
    models = ["-n", "auto", "-n", "srdgan-x4-photo"]
    assert run(tmp_path, *models, *sharpness, "--full-resolution", "--format", "json") == 0
    (described,) = json.loads(capsys.readouterr().out)["data_sets"]
    scores = {name: method["mean"]["psnr"] for name, method in described["methods"].items()}
    assert list(scores) == ["auto", "auto.sharp", "srdgan-x4-photo", "srdgan-x4-photo.sharp"]
    assert scores["auto"] == scores["srdgan-x4-photo"]
    assert scores["auto.sharp"] == scores["srdgan-x4-photo.sharp"]


def test_full_resolution(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_set, "--full-resolution", "-n", "bicubic", "-n", "bicubic-clean") == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert "LR = noisy, each 4x4 block's mean scored against clean" in head
    psnr = {row.split()[0]: float(row.split()[1]) for row in rows}
    assert psnr["bicubic-clean"] > psnr["bicubic"] + 3


def test_json_has_pictures_and_means(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_set, "-n", "bicubic", "--format", "json", "--channel", "rgb") == 0
    (described,) = json.loads(capsys.readouterr().out)["data_sets"]
    assert described["protocol"]["channel"] == "rgb"
    scores = described["methods"]["bicubic"]
    assert list(scores["pictures"]) == ["a", "b"]
    assert scores["mean"]["psnr"] == pytest.approx(
        (scores["pictures"]["a"]["psnr"] + scores["pictures"]["b"]["psnr"]) / 2
    )


def test_markdown_into_a_file(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "table.md"
    assert run(data_set, "-n", "bicubic", "--format", "markdown", "--per-image", "-o", target) == 0
    assert capsys.readouterr().out == ""
    lines = target.read_text().splitlines()
    assert lines[2] == "| method | picture | PSNR | SSIM |"
    assert [line.split(" | ")[1] for line in lines[4:]] == ["a", "b", "mean of 2"]


def test_results_can_be_kept(data_set: Path, model: Path, tmp_path: Path) -> None:
    assert run(data_set, "-n", "bicubic", "-n", model, "--save-dir", tmp_path / "kept") == 0
    kept = sorted((tmp_path / "kept").rglob("*.png"))
    assert [str(path.relative_to(tmp_path / "kept")) for path in kept] == [
        "tiny/bicubic/a.png",
        "tiny/bicubic/b.png",
        "tiny/minute/a.png",
        "tiny/minute/b.png",
    ]
    assert cv2.imread(str(kept[0])).shape == (32, 40, 3)


def test_a_mix_of_files_is_kept_in_the_folder(data_set: Path, model: Path, tmp_path: Path) -> None:
    assert run(data_set, "-n", f"{model}:0.5+{model}:0.5", "--save-dir", tmp_path / "kept") == 0
    kept = sorted((tmp_path / "kept").rglob("*.png"))
    assert [path.parent.name for path in kept] == ["minute:0.5+minute:0.5"] * 2


def test_a_file_is_replaced_only_if_that_is_asked_for(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = data_set / "a_clean.png"
    before = target.read_bytes()
    assert run(data_set, "-n", "bicubic", "-o", target) == 1
    assert capsys.readouterr().err == f"srdgan-rt: error: {target} exists: choose --overwrite\n"
    assert target.read_bytes() == before
    (tmp_path / "table.txt").touch()
    assert run(data_set, "-n", "bicubic", "-o", tmp_path / "table.txt", "--overwrite") == 0
    assert (tmp_path / "table.txt").read_text().startswith("tiny: ")


def test_a_bad_file_is_named_and_the_rest_is_done(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data_set / "a_noisy.png").write_bytes(b"not a picture")
    assert run(data_set, "-n", "bicubic") == 1
    out, err = capsys.readouterr()
    assert "bicubic (1 failed)" in out
    assert err.count("\n") == 1
    assert "a_noisy.png" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "bicubic", "-n", "bicubic"], "--model: bicubic is given twice"),
        (["-n", "bicubic", "-o", "nowhere/table.txt"], "nowhere/table.txt: its folder does not exist"),
        (["-n", "bicubic", "-o", "."], ".: is a folder, not a file"),
        (["-n", "bicubic", "--tta"], "--tta needs a model, got bicubic"),
        (["-n", "bicubic", "--denoise", "0.5"], "--denoise needs a model, got bicubic"),
        (["-n", "~nobody-of-this-name/x.safetensors"], "there is no such home folder"),
        (["no-such-folder", "-n", "bicubic"], "no-such-folder: there is no such folder"),
        (["-n", "bicubic", "--save-dir", "file"], "file: is a file, not a folder"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    data_set: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert run(data_set, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_an_unknown_form_of_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "-n", "bicubic") == 2
    assert "must hold pictures in HR/" in capsys.readouterr().err


def test_two_data_sets_of_one_name_cannot_be_saved_together(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_set, data_set, "-n", "bicubic", "--save-dir", tmp_path / "kept") == 2
    assert "two data sets have the same name" in capsys.readouterr().err


def test_mesh_column(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_set, "-n", "bicubic", "--mesh") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["method", "PSNR", "SSIM", "mesh"]


def test_columns_of_sharpness(data_set: Path, vgg16: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--mesh", "--gradients", "--features", vgg16)
    assert run(data_set, "-n", "bicubic", "-n", "bicubic-clean", *options, "--format", "json") == 0
    (described,) = json.loads(capsys.readouterr().out)["data_sets"]
    means = [described["methods"][name]["mean"] for name in ("bicubic", "bicubic-clean")]
    names = ["psnr", "ssim", "mesh", "gradient_ratio", "gradient_distance", "feature_distance"]
    assert [list(mean) for mean in means] == [names, names]
    noisy, clean = means
    assert noisy["gradient_ratio"] > clean["gradient_ratio"] > 0  # noise has gradients
    assert all(mean[name] > 0 for mean in means for name in ("gradient_distance", "feature_distance"))

    assert run(data_set, "-n", "bicubic", "--features", vgg16) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[1].endswith("PSNR    SSIM  feature distance")
    assert float(table[2].split()[-1]) == pytest.approx(noisy["feature_distance"], abs=1e-4)


def test_features_need_the_net(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_set, "-n", "bicubic", "--features", tmp_path / "none.npz") == 2
    assert "cannot read the VGG weights" in capsys.readouterr().err


def test_a_row_for_each_sharpness(data_set: Path, model: Path, pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ("-n", "bicubic", "-n", model, "-n", pair)
    for options, names in [
        ((), ["pair at sharpness 0.25"]),
        (
            ("--sharpness", "0", "--sharpness", "0.5", "--sharpness", "1"),
            ["pair", "pair at sharpness 0.5", "pair.sharp"],
        ),
    ]:
        assert run(data_set, *rows, *options, "--format", "json") == 0
        (described,) = json.loads(capsys.readouterr().out)["data_sets"]
        assert list(described["methods"]) == ["bicubic", "minute", *names]
    assert run(data_set, "-n", "bicubic", "-n", model, "--sharpness", "0.5") == 2
    assert "--sharpness needs a model with sharp weights (see srdgan-rt info), got " in capsys.readouterr().err


def test_a_row_for_each_strength_of_denoising(data_set: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_set, "-n", "bicubic", "-n", model, "--denoise", "auto", "--denoise", "0", "--format", "json") == 0
    (described,) = json.loads(capsys.readouterr().out)["data_sets"]
    assert list(described["methods"]) == ["bicubic", "minute, denoise auto", "minute, denoise 0.0"]
