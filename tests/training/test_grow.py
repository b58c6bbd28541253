"""Larger nets that give the same pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet
from training import grow as command
from training.grow import conv_body_rate, grow, put_beside


@pytest.fixture
def small() -> L2HNet:
    torch.manual_seed(0)
    return L2HNet(num_blocks=2, num_features=6, growth_channels=3)


@pytest.mark.parametrize("sizes", [(2, 6, 3), (2, 10, 3), (2, 6, 5), (7, 6, 3), (5, 9, 4)])
def test_a_grown_net_gives_the_same_pictures_and_can_learn(small: L2HNet, sizes: tuple[int, int, int]) -> None:
    large = grow(small, *sizes)
    assert (large.num_blocks, large.num_features, large.growth_channels) == sizes
    picture = torch.rand(1, 3, 9, 11)
    torch.testing.assert_close(large(picture), small(picture), atol=1e-5, rtol=0)
    large(picture).square().mean().backward()
    idle = [name for name, weight in large.named_parameters() if not weight.grad.abs().any()]
    # Before the zeros at the end of a new block have moved, what lies behind them learns nothing.
    assert all("body." in name and int(name.split(".")[1]) >= 2 for name in idle)


def test_the_rate_of_a_grown_nets_conv_body(small: L2HNet) -> None:
    large = grow(small, 12, 6, 3)
    rate = conv_body_rate(small, 12)
    assert rate == pytest.approx(1.2**-10)
    torch.testing.assert_close(large.conv_body.weight, rate * small.conv_body.weight)


def test_two_nets_beside_each_other_give_the_mean_of_their_pictures(small: L2HNet) -> None:
    other = L2HNet(num_blocks=2, num_features=5, growth_channels=4)
    both = put_beside(small, other)
    assert (both.num_blocks, both.num_features, both.growth_channels) == (2, 11, 7)
    picture = torch.rand(1, 3, 9, 11)
    torch.testing.assert_close(both(picture), (small(picture) + other(picture)) / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(grow(both, 3, 12, 7)(picture), both(picture), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (L2HNet(num_blocks=3, num_features=6, growth_channels=3), "num_blocks of the models must agree, got 2 and 3"),
        (L2HNet(2, 6, 3, scale=2), "scale of the models must agree, got 4 and 2"),
    ],
)
def test_nets_beside_each_other_differ_in_width_alone(small: L2HNet, other: L2HNet, message: str) -> None:
    with pytest.raises(InputError, match=message):
        put_beside(small, other)


def test_nets_do_not_shrink(small: L2HNet) -> None:
    with pytest.raises(InputError, match="num_features must be at least the 6 of the model, got 4"):
        grow(small, 2, 4, 3)


def test_command(
    small: L2HNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "small.safetensors", small, {"training_data": "photographs"}, dtype=torch.float32)
    arguments = [str(tmp_path / "small.safetensors"), "--blocks", "3", "-o", str(tmp_path / "large.safetensors")]
    monkeypatch.setattr("sys.argv", ["grow", *arguments])
    command.main()
    large = load_model(str(tmp_path / "large.safetensors")).net
    assert (large.num_blocks, large.num_features) == (3, 6)
    assert capsys.readouterr().out.splitlines()[-1] == "train it with conv_body_rate = 0.8333"
    monkeypatch.setattr("sys.argv", ["grow", *arguments, "--beside", str(tmp_path / "small.safetensors")])
    command.main()
    model = load_model(str(tmp_path / "large.safetensors"))
    assert model.metadata["training_data"] == "photographs"
    both = model.net
    assert (both.num_blocks, both.num_features) == (3, 12)
    picture = torch.rand(1, 3, 9, 11)
    torch.testing.assert_close(both(picture), small(picture), atol=1e-5, rtol=0)
