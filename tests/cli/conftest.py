"""A tiny model, and the command line run inside the test's own process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.cli import main
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.models import L2HNet


@dataclass
class Outcome:
    status: int
    out: str
    err: str

    @property
    def err_lines(self):
        return self.err.splitlines()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Path of a weight file of a tiny net: its pictures make no sense, but it is fast."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, L2HNet(num_blocks=1, num_features=4, growth_channels=2), {"halo": "4"})
    return str(path)


@pytest.fixture
def pair(tmp_path, model):
    """Path of the faithful one of two weight files; the pair's default sharpness is 0.25."""
    torch.manual_seed(1)
    folder = tmp_path / "weights"
    folder.mkdir()
    save_model(folder / "pair.safetensors", load_model(model).net, {"halo": "4", "sharpness": "0.25"})
    save_model(
        folder / "pair.sharp.safetensors", L2HNet(num_blocks=1, num_features=4, growth_channels=2), {"halo": "4"}
    )
    return folder / "pair.safetensors"


@pytest.fixture
def run(capsys):
    """Runs ``srdgan-rt`` with the given arguments."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(exit_.value.code or 0, out, err)

    return run


@pytest.fixture
def upscale(run, model):
    """Runs ``srdgan-rt upscale`` with the tiny model."""
    return lambda *arguments: run("upscale", *arguments, "--model", model)


@pytest.fixture
def draw():
    """Writes a small picture of random pixels into a file; folders are made."""

    def draw(path, height=4, width=6, dtype=np.uint8, channels=3):
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (height, width, channels) if channels > 1 else (height, width)
        pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
        if path.suffix == ".bmp":
            import cv2

            cv2.imwrite(str(path), pixels)
        else:
            write_picture(path, Picture(pixels))
        return path

    return draw
