"""Mixes of networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.checkpoint.mix import parse_mix
from srdgan_rt.errors import UnknownModelError
from srdgan_rt.models import L2HNet


def save(path: Path, seed: int, features: int = 8, **metadata: str) -> L2HNet:
    torch.manual_seed(seed)
    net = L2HNet(num_blocks=1, num_features=features, growth_channels=4)
    save_model(path, net, metadata, dtype=torch.float32)
    return net


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:0.7+b:0.3", [("a", 0.7), ("b", 0.3)]),
        ("a:2 + b:-1", [("a", 2.0), ("b", -1.0)]),
        ("a:.5+b:.25+c:.25", [("a", 0.5), ("b", 0.25), ("c", 0.25)]),
        ("c:/x.pth:0.5+y.pth:0.5", [("c:/x.pth", 0.5), ("y.pth", 0.5)]),
        ("srdgan-x4-fast", None),
        ("a:0.7", None),
        ("a+b.pth", None),
        ("a:0.7+b", None),
        ("a:0.7+b:x", None),
    ],
)
def test_parse(text: str, parts: list[tuple[str, float]] | None) -> None:
    assert parse_mix(text) == parts


def test_weights_are_added_up(tmp_path: Path) -> None:
    first = save(tmp_path / "a.safetensors", 1, halo="10", border_padding="4", license="MIT", training_data="one")
    second = save(tmp_path / "b.safetensors", 2, halo="20", border_padding="8", license="MIT", training_data="two")
    text = f"{tmp_path / 'a.safetensors'}:0.7+{tmp_path / 'b.safetensors'}:0.3"
    model = load_model(text)
    net, spec, metadata = model.net, model.spec, model.metadata
    for name, tensor in net.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, 0.7 * first.state_dict()[name] + 0.3 * second.state_dict()[name])
    name = "a:0.7+b:0.3"  # without the folders of this machine
    assert (spec.name, spec.halo, spec.border_padding) == (name, 20, 8)
    assert metadata == {"mix": name, "license": "MIT"}


def test_what_cannot_be_mixed(tmp_path: Path) -> None:
    a, b, large = (tmp_path / f"{name}.safetensors" for name in ("a", "b", "large"))
    save(a, 1)
    save(b, 2)
    save(large, 3, features=12)
    for text, message in [
        (f"{a}:0.7+{b}:0.4", r"the shares of a mix must add up to 1, got 1\.1"),
        (f"{a}:0.5+{large}:0.5", "only networks of the same sizes can be mixed"),
        (f"{a}:0.5+{tmp_path / 'none.pth'}:0.5", "no such file"),
        (f"{a}:0.5+unknown:0.5", "no model 'unknown'"),
    ]:
        with pytest.raises(UnknownModelError, match=message):
            load_model(text)
    with pytest.raises(UnknownModelError, match="a mix of networks has no file, and no activation ranges for int8"):
        load_model(f"{a}:0.5+{b}:0.5", with_ranges=True)
