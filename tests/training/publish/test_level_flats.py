"""Levelling: flat areas keep their colour, and other pictures hardly change."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from srdgan_rt.checkpoint import load_model
from srdgan_rt.models import L2HNet
from training import export
from training.models.initialise import initialise
from training.publish.level_flats import level_flats

SIDE = 24


def make_net() -> L2HNet:
    """An enlarger that is wrong on flat areas."""
    net = L2HNet(num_blocks=1, num_features=8, growth_channels=4)
    initialise(net, seed=0)
    with torch.no_grad():
        net.conv_last.bias += torch.tensor([0.02, -0.01, 0.015])
        net.conv_last.weight *= 1.02
    return net.eval()


@torch.no_grad()
def flat_error(net: L2HNet) -> float:
    """The largest in the middle of flat grey pictures, in 1/255."""
    greys = torch.tensor([0.004, 0.1, 0.5, 0.9, 1.0])[:, None, None, None].expand(-1, 3, SIDE, SIDE)
    middle = net(greys)[..., 40:-40, 40:-40]
    return 255 * float((middle - greys[..., :1, :1]).abs().max())


@torch.no_grad()
def test_flat_areas_keep_their_colour() -> None:
    net = make_net()
    before = copy.deepcopy(net)
    assert flat_error(net) > 3
    generator = torch.Generator().manual_seed(1)
    pictures = [torch.rand(1, 3, SIDE, SIDE, generator=generator) for _ in range(3)]
    change = level_flats(net, pictures)
    assert flat_error(net) < 0.3
    changes = [net(picture) - before(picture) for picture in pictures]
    measured = 255 * torch.cat(changes).square().mean().sqrt()
    assert change == pytest.approx(float(measured), rel=0.1)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before.state_dict()[name]) == (not name.startswith("conv_last."))


def test_exports_may_be_levelled(
    make_stage: Any, training_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_stage("l2h").trainer(tmp_path / "run")
    trainer.gans[-1].ema.conv_last.bias.data += 0.02
    trainer.save()
    output = tmp_path / "mine.safetensors"
    options: dict[str, object] = {
        "--run": tmp_path / "run",
        "--data": tmp_path,
        "--output": output,
        "--name": "mine",
        "--licence": "MIT",
        "--halo": 9,
        "--level-flats": training_root,
    }
    monkeypatch.setattr(sys, "argv", ["export", *(str(word) for option in options.items() for word in option)])
    export.main()
    assert flat_error(load_model(output).net) < flat_error(trainer.gans[-1].ema)
    assert "- Flat areas were levelled: other pictures change by " in output.with_suffix(".md").read_text()
