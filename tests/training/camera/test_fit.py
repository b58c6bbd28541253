from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from srdgan_rt.camera import simulate_capture
from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, write_picture
from training import calibrate_camera, check_camera
from training.camera import fit
from training.camera.fit import make_phone, pool_model, pool_real
from training.camera.noise import Pool, load_named_frames, sampling_error, variance_error
from training.data.pictures import read_rgb

START = fit._START
LEVELS = {100: (0.001, 0.00001), 800: (0.004, 0.0001)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Frames of a phone with twice the noise that the starting values give, and other colours."""
    values = START + 0.3 * np.random.default_rng(1).standard_normal(len(START))
    values[-3:] = START[-3:] + np.array([0.7, 0, 0])
    phone = make_phone("XX", values, "grbg", LEVELS)
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.2, 0.8, 64)
    clean = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), rng.uniform(0.2, 0.8, (64, 64))], -1)
    clean = (np.rint(clean * 255) / 255).astype(np.float32)
    for split in ("train", "test"):
        for scene, iso, temperature in ((1, 100, 3200), (2, 100, 5500), (3, 800, 3200), (4, 800, 5500)):
            stem = tmp_path / "phone_pairs" / split / f"{scene:04}_{scene:03}_XX_{iso:05}_00060_{temperature}_N"
            stem.parent.mkdir(parents=True, exist_ok=True)
            noisy = simulate_capture(clean, phone.camera(iso, temperature), rng, mosaic=False)
            for kind, picture in (("clean", clean), ("noisy", noisy)):
                write_picture(f"{stem}_{kind}.png", Picture(np.rint(picture * 255).astype(np.uint8)))
    folder = tmp_path / "noise_model"
    folder.mkdir()
    (folder / "bayer_patterns.csv").write_text("camera_id,bayer_pattern\nXX,grbg\n")
    rows = [f"0001_001_XX_{iso:05}_00060_3200_N,{shot},{read}" for iso, (shot, read) in LEVELS.items()]
    (folder / "noise_level_functions.csv").write_text("\n".join(["scene_instance_id,beta1_g,beta2_g", *rows]) + "\n")
    return tmp_path


def test_a_phone_is_fitted_and_checked(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit, "_STEPS", 1)
    monkeypatch.setattr(fit, "_SAMPLE", (32, 32))
    monkeypatch.setattr("sys.argv", ["calibrate_camera", "--data", str(data), "--output", str(data / "cameras.json")])
    calibrate_camera.main()
    assert json.loads((data / "cameras.json").read_text())["phones"]["XX"]["pattern"] == "grbg"
    frames = load_named_frames(data / "phone_pairs" / "test")
    start = pool_model(make_phone("XX", START, "grbg", LEVELS), frames)
    rows = list(check_camera.check(frames, data / "cameras.json"))
    assert [(row.phone, row.iso, row.frames) for row in rows] == [("XX", 100, 2), ("XX", 800, 2)]
    for row in rows:
        assert row.error < 0.5 * variance_error(pool_real(frames)[row.iso], start[row.iso])
        assert 0.01 < row.sampling_error < 0.1
    monkeypatch.setattr(sys, "argv", ["check", "--data", str(data), "--library", str(data / "cameras.json")])
    check_camera.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "phone_pairs/train"
    assert f"{100 * rows[0].error:.1f} %" in lines[6]


def test_frames_that_no_table_knows_are_named(data: Path) -> None:
    (data / "noise_model" / "bayer_patterns.csv").write_text("camera_id,bayer_pattern\n")
    with pytest.raises(InputError, match="0001_001_XX_00100_00060_3200_N: there is no noise level or pattern"):
        fit.calibrate(data)
    (data / "noise_model" / "bayer_patterns.csv").unlink()
    with pytest.raises(InputError, match=r"cannot read .*/bayer_patterns\.csv: No such file or directory$"):
        fit.calibrate(data)


@pytest.mark.parametrize("row", ["0001_001_XX_00100_00060_3200_N", "0001_001_XX,1,1", "XX,1,1", ",,"])
def test_tables_of_another_form_are_one_line(data: Path, row: str) -> None:
    (data / "noise_model" / "noise_level_functions.csv").write_text(f"scene_instance_id,beta1_g,beta2_g\n{row}\n")
    with pytest.raises(InputError, match=r"the tables in .*noise_model have another form than docs/training\.md says"):
        fit.calibrate(data)


def test_frames_of_no_use_make_no_library(data: Path) -> None:
    """The noise of neighbours is correlated where the two pictures are not aligned."""
    for path in (data / "phone_pairs" / "train").glob("*_noisy.png"):
        picture = read_rgb(path)
        write_picture(path, Picture(cv2.blur(picture, (5, 5))))
    with pytest.raises(InputError, match=r"no frame in .*phone_pairs/train is of use"):
        fit.calibrate(data)


def test_the_sampling_error_is_what_equal_noise_shows() -> None:
    rng = np.random.default_rng(0)
    clean = np.broadcast_to(np.float32(rng.uniform(0.4, 0.6, (64, 64, 1))), (64, 64, 3))
    real, model = Pool(), Pool()
    for pool in (real, model):
        pool.add((clean + rng.normal(0, 0.05, clean.shape)).astype(np.float32), clean)
    assert 0 < variance_error(real, model) == pytest.approx(sampling_error(real, model), rel=0.4)
    few = Pool()
    few.add(clean[:8, :8], clean[:8, :8])
    with pytest.raises(InputError, match="at least 500 samples"):
        variance_error(few, model)


def test_the_shipped_cameras_have_the_noise_of_held_out_frames(shared_data: Path) -> None:
    """The figures in docs/training.md, with a little room."""
    rows = list(check_camera.check(load_named_frames(shared_data / "phone_pairs" / "test")))
    errors = [row.error for row in rows]
    assert len(rows) == 17
    assert np.median(errors) < 0.12
    assert sum(error > 0.15 for error in errors) <= 1
    assert max(errors) < 0.2
    assert all(abs(row.correlation - row.model_correlation) < 0.06 for row in rows)
