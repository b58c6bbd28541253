"""Levelling: flat areas keep their colour, with and without noise, and other pictures hardly change."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from srdgan_rt.checkpoint import load_model
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.models.h2l import draw_noise
from training import export
from training.models.initialise import initialise
from training.publish.level_flats import level_flats, level_noisy_flats

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


@torch.no_grad()
def test_noisy_flat_areas_keep_their_mean_colour() -> None:
    torch.manual_seed(3)
    net = H2LNet(num_blocks=1, num_features=8).eval()
    net.conv_last.weight += 0.005 * torch.randn_like(net.conv_last.weight)
    net.conv_last.bias += torch.tensor([0.02, -0.01, 0.015])
    before = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(4)
    pictures = [torch.rand(1, 3, 64, 64, generator=generator) for _ in range(3)]
    assert mean_shift(net, 0.04) > 5
    change = level_noisy_flats(net, [0.0, 0.04], pictures)
    for level in (0.0, 0.02, 0.04):
        assert mean_shift(net, level) < 1.5
    noise = draw_noise(pictures[0], 0.04, generator)
    result, former = net(pictures[0], noise), before(pictures[0], noise)
    assert change == pytest.approx(255 * float((result - former).square().mean().sqrt()), rel=0.3)
    similarity = torch.corrcoef(torch.stack([result.flatten(), former.flatten()]))[0, 1]
    assert similarity > 0.99  # the noise is what it was
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before.state_dict()[name]) == (not name.startswith("conv_last."))


@torch.no_grad()
def mean_shift(net: H2LNet, level: float) -> float:
    """The largest difference between a flat grey area and the mean of its noisy version, clipped, in 1/255."""
    greys = torch.tensor([0.1, 0.5, 0.9])[:, None, None, None].expand(-1, 3, 256, 256)
    noise = draw_noise(greys[:1], level, torch.Generator().manual_seed(9)).expand_as(greys)
    both = torch.stack([net(greys, noise), net(greys, -noise)])[..., 4:-4, 4:-4]
    mean = both.clamp(0, 1).mean((0, 3, 4))
    return 255 * float((mean - greys[..., 0, 0]).abs().max())


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
