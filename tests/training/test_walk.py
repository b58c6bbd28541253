"""The newcomer's walk of docs/training.md: every command of it, as it stands there, on tiny settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from doc_blocks import REPOSITORY, read_block

from srdgan_rt import cli
from srdgan_rt.image import Picture, write_picture
from training.convert_vgg import list_places

SECTION = "From a folder of photographs to weights"

# What makes a configuration tiny; everything else in it stays.
TINY = {
    "iterations": "2",
    "halve_at": "[1]",
    "warmup": "1",
    "batch": "2",
    "size": "2",
    "patch": "16",
    "num_blocks": "1",
    "num_features": "8",
    "growth_channels": "4",
    "checkpoint_every": "2",
    "validate_every": "2",
}


def read_commands() -> list[list[str]]:
    """The commands of the section's first block, comments left out."""
    lines = read_block("docs/training.md", SECTION)
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def shrink(text: str) -> str:
    """A configuration with the values of :data:`TINY`. No shipped weights fit it, so it starts from nothing."""
    text = re.sub(r'^init = "srdgan-.*\n', "", text, flags=re.M)
    for key, value in TINY.items():
        text = re.sub(rf"(?<![\w.]){key} = (\[[^\]]*\]|[\w.]+)", f"{key} = {value}", text)
    return text


def make_photograph(path: Path, seed: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    write_picture(path, Picture(cv2.resize(coarse, (288, 216), interpolation=cv2.INTER_CUBIC)))


def make_vgg16(path: Path) -> None:
    """Random weights in the form of torchvision's."""
    state, inputs = {}, 3
    for name, place in list_places("vgg16").items():
        outputs = (64, 128, 256, 512, 512)[int(name[4]) - 1]
        state[f"features.{place}.weight"] = 0.05 * torch.randn(outputs, inputs, 3, 3)
        state[f"features.{place}.bias"] = torch.zeros(outputs)
        inputs = outputs
    torch.save(state, path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the newcomer's photographs and the configurations, made tiny."""
    (tmp_path / "my" / "train_photos").mkdir(parents=True)
    for index in range(4):
        make_photograph(tmp_path / "my" / "train_photos" / f"{index}.png", index)
    make_photograph(tmp_path / "photo.jpg", 9)
    make_vgg16(tmp_path / "vgg16-397923af.pth")
    (tmp_path / "training" / "configs").mkdir(parents=True)
    for path in (REPOSITORY / "training" / "configs").glob("*.toml"):
        (tmp_path / "training" / "configs" / path.name).write_text(shrink(path.read_text(encoding="utf-8")))
    return tmp_path


@pytest.mark.slow
def test_every_command_of_the_walk_runs(
    home: Path, run_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    for program, *arguments in read_commands():
        if program == "srdgan-rt":
            with pytest.raises(SystemExit) as ended:
                cli.main(arguments)
            assert not ended.value.code, shlex.join(arguments)
        else:
            assert (program, arguments[0]) == ("python", "-m")
            done = run_command(*arguments[1:])
            assert done.status == 0, f"{shlex.join(arguments)}\n{done.out}\n{done.err}"
    results = ("my-h2l.safetensors", "my-h2l.md", "noise.html", "my-x4.safetensors", "my-x4.md", "photo_x4.jpg")
    for result in (*results, "my-x4.int8.safetensors"):
        assert (home / result).stat().st_size > 0


def test_the_walk_reaches_every_stage() -> None:
    modules = {command[2] for command in read_commands() if command[:2] == ["python", "-m"]}
    steps = ("convert_vgg", "train_h2l", "export_h2l", "synthesize", "run_minutes", "train_joint", "export")
    assert {f"training.{step}" for step in steps} <= modules
