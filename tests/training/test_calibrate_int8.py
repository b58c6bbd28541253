"""The ranges that int8 needs, from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.models import L2HNet
from training import calibrate_int8
from training.data.typical import read_typical


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pairs of frames, and three photographs four times larger."""
    rng = np.random.default_rng(0)
    for folder, names, side in (
        ("phone_pairs/train", ("a_clean", "a_noisy", "b_clean", "b_noisy"), 40),
        ("train_photos", ("1", "2", "3"), 160),
    ):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), rng.integers(0, 256, (side, side, 3), np.uint8))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["calibrate_int8", *map(str, arguments)])
    calibrate_int8.main()


def test_pictures_are_frames_and_photographs(data: Path) -> None:
    pictures = list(read_typical(data, 4, 24))
    assert [tuple(picture.shape) for picture in pictures] == [(1, 3, 24, 24)] * 4
    assert all(float(picture.amin()) >= 0 and float(picture.amax()) <= 1 for picture in pictures)
    assert len({picture.sum().item() for picture in pictures}) == 4
    assert len(list(read_typical(data, 100, 100))) == 5  # all there are, and no larger than they are


def test_ranges_lie_beside_the_weights(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    net = L2HNet(num_blocks=1, num_features=4, growth_channels=4)
    save_model(data / "mine.safetensors", net, {}, dtype=torch.float32)
    run(monkeypatch, "-n", data / "mine.safetensors", "--data", data, "--pictures", 4, "--size", 16)
    assert capsys.readouterr().out.splitlines()[-1] == str(data / "mine.int8.safetensors")
    ranges = load_model(data / "mine.safetensors", with_ranges=True).ranges
    assert [tuple(block.shape) for block in ranges] == [(37, 20)] * 3
    assert all(float(block.amax()) > 0 for block in ranges)


def test_what_is_wrong_is_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, status, message in [
        (("-n", "srdgan-x4-fast", "--data", data / "none"), 2, "neither"),
        (("-n", "srdgan-x4-fast", "--data", data, "--pictures", 1), 2, "pictures must be at least 2"),
        (("-n", data / "none.safetensors", "--data", data), 2, "no such file"),
    ]:
        with pytest.raises(SystemExit) as stop:
            run(monkeypatch, *arguments)
        assert stop.value.code == status
        assert message in capsys.readouterr().err.splitlines()[-1]
