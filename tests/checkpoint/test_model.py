"""The descriptions of models, and who takes them in place of a name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import H2LModel, Model, digest_tensors, load_h2l, load_model, save_model
from srdgan_rt.degrade import Degrader
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.runtime import Upscaler


def test_digest_is_that_of_the_file_or_of_the_weights(tmp_path: Path) -> None:
    net = L2HNet(1, 4, 2)
    save_model(tmp_path / "ours.safetensors", net, {})
    model = load_model(tmp_path / "ours.safetensors")
    assert model.digest == model.metadata["sha256"]
    assert Model.from_net(net).digest == digest_tensors(net.state_dict())
    assert H2LModel(H2LNet(1, 6)).digest != model.digest


def test_upscaler_takes_a_description(tmp_path: Path) -> None:
    save_model(tmp_path / "ours.safetensors", L2HNet(1, 4, 2), {"halo": "7", "license": "x"})
    model = load_model(tmp_path / "ours.safetensors")
    image = np.zeros((5, 6, 3), np.uint8)
    up = Upscaler(model, device="cpu")
    assert (up.spec, up.metadata["license"]) == (model.spec, "x")
    assert np.array_equal(up.upscale(image), Upscaler(tmp_path / "ours.safetensors", device="cpu").upscale(image))


def test_degrader_takes_a_description(tmp_path: Path) -> None:
    save_model(tmp_path / "ours.safetensors", H2LNet(1, 6), {"noise_levels": "0.5,0.25"})
    model = load_h2l(tmp_path / "ours.safetensors")
    degrader = Degrader(model, device="cpu")
    assert (degrader.name, degrader.digest, degrader.noise_levels) == ("ours", model.digest, (0.5, 0.25))
    broken = dataclasses.replace(model, metadata={"noise_levels": "many"})
    with pytest.raises(CheckpointError, match="noise_levels in the metadata must be numbers"):
        Degrader(broken)


def test_a_description_cannot_be_changed() -> None:
    model = Model.from_net(L2HNet(1, 4, 2), ranges=[torch.zeros(37, 12)] * 3)
    assert (model.spec.name, len(model.ranges or ())) == ("", 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.ranges = None  # type: ignore[misc]
