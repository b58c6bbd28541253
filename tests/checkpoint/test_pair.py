"""Pairs of faithful and sharp weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srdgan_rt.checkpoint import available_models, digest_tensors, has_sharp_weights, load_model, save_model, shipped
from srdgan_rt.checkpoint.read import read_safetensors
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import L2HNet


def save(path: Path, seed: int, features: int = 8, **metadata: str) -> L2HNet:
    torch.manual_seed(seed)
    net = L2HNet(num_blocks=1, num_features=features, growth_channels=4)
    save_model(path, net, metadata, dtype=torch.float32)
    return net


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A pair by the path of its faithful file."""
    save(tmp_path / "own.safetensors", 1, halo="10", border_padding="8")
    save(tmp_path / "own.sharp.safetensors", 2, halo="20")
    return tmp_path / "own.safetensors"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(sharpness=st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_between_the_two_is_their_mix(pair: Path, sharpness: float) -> None:
    model = load_model(pair, sharpness=sharpness)
    faithful, sharp = (load_model(path).net.state_dict() for path in (pair, pair.with_name("own.sharp.safetensors")))
    for name, tensor in model.net.state_dict().items():
        torch.testing.assert_close(tensor, torch.lerp(faithful[name], sharp[name], sharpness))
    assert (model.sharpness, model.spec.halo, model.spec.border_padding) == (sharpness, 20, 8)
    assert model.spec.name == f"own at sharpness {sharpness:g}"
    assert model.digest == digest_tensors(model.net.state_dict())


def test_the_ends_are_the_two_files(pair: Path) -> None:
    sharp = load_model(pair.with_name("own.sharp.safetensors"))
    for sharpness, name, digest in ((0, "own", load_model(pair).digest), (1, "own.sharp", sharp.digest)):
        model = load_model(pair, sharpness=sharpness)
        assert (model.sharpness, model.spec.name, model.digest) == (sharpness, name, digest)


def test_sharp_weights_may_hold_only_what_differs(pair: Path) -> None:
    net = load_model(pair).net
    with torch.no_grad():
        net.conv_last.weight += 1
    sharp = pair.with_name("own.sharp.safetensors")
    save_model(sharp, net, {}, dtype=torch.float32, base=pair)
    tensors, _ = read_safetensors(sharp)
    assert list(tensors) == ["conv_last.weight"]
    for model in (load_model(sharp), load_model(pair, sharpness=1)):
        assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in model.net.state_dict().items())
        assert model.digest == digest_tensors(net.state_dict())
    between = load_model(pair, sharpness=0.5).net
    torch.testing.assert_close(between.conv_last.weight, net.conv_last.weight - 0.5)
    save(pair, 3)
    with pytest.raises(CheckpointError, match=r"belongs to other faithful weights than own\.safetensors"):
        load_model(sharp)
    pair.unlink()
    with pytest.raises(CheckpointError, match=r"own\.sharp\.safetensors: holds only what differs"):
        load_model(sharp)


def test_sharp_weights_that_differ_everywhere_are_whole(pair: Path) -> None:
    sharp = pair.with_name("own.sharp.safetensors")
    net = load_model(sharp).net
    save_model(sharp, net, {}, dtype=torch.float32, base=pair)
    pair.unlink()
    assert digest_tensors(load_model(sharp).net.state_dict()) == digest_tensors(net.state_dict())


def test_files_of_other_programs(tmp_path: Path) -> None:
    nets = []
    for seed, name in enumerate(("peer.pth", "peer.sharp.pth")):
        torch.manual_seed(seed)
        nets.append(L2HNet(num_blocks=1, num_features=4, growth_channels=2))
        torch.save(nets[-1].state_dict(), tmp_path / name)
    mixed = load_model(tmp_path / "peer.pth", sharpness=0.5).net
    torch.testing.assert_close(
        mixed.conv_first.weight, (nets[0].conv_first.weight + nets[1].conv_first.weight) / 2, check_device=False
    )


def test_the_faithful_file_states_the_default(pair: Path) -> None:
    assert load_model(pair, sharpness=None).sharpness == 0
    save(pair, 1, sharpness="0.25")
    assert load_model(pair, sharpness=None).sharpness == 0.25
    assert load_model(pair).sharpness == 0  # the very file
    save(pair, 1, sharpness="2")
    with pytest.raises(CheckpointError, match=r"own\.safetensors: sharpness in the metadata must be 0\.\.1, got '2'"):
        load_model(pair, sharpness=None)
    assert load_model(pair, sharpness=0.5).sharpness == 0.5


@pytest.mark.parametrize("sharpness", [-0.1, 1.1, float("nan")])
def test_sharpness_has_a_range(pair: Path, sharpness: float) -> None:
    with pytest.raises(InputError, match=r"sharpness must be 0\.\.1, got "):
        load_model(pair, sharpness=sharpness)


def test_without_sharp_weights(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path / "empty")
    alone = tmp_path / "alone.safetensors"
    save(alone, 3)
    assert load_model(alone, sharpness=0).sharpness == 0
    with pytest.raises(
        CheckpointError,
        match=r"alone\.safetensors has no sharp weights \(alone\.sharp\.safetensors\), so sharpness must be 0; no",
    ):
        load_model(alone, sharpness=0.5)
    with pytest.raises(CheckpointError, match="a mix of networks has no sharp weights, so sharpness must be 0"):
        load_model(f"{alone}:0.5+{pair}:0.5", sharpness=0.5)
    save(tmp_path / "alone.sharp.safetensors", 4, features=12)
    with pytest.raises(CheckpointError, match=r"alone at sharpness 0\.5: only networks of the same sizes"):
        load_model(alone, sharpness=0.5)


def test_shipped_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    for seed, name in enumerate(("srdgan-x4", "srdgan-x4.sharp", "another")):
        save(tmp_path / f"{name}.safetensors", seed)
    assert available_models() == ["srdgan-x4", "another"]
    assert [has_sharp_weights(name) for name in ("srdgan-x4", "another", "srdgan-x4.sharp")] == [True, False, False]
    between = load_model("srdgan-x4", sharpness=0.25)
    assert between.spec.name == "srdgan-x4 at sharpness 0.25"
    assert between.digest == load_model("srdgan-x4:0.75+srdgan-x4.sharp:0.25").digest
    with pytest.raises(
        CheckpointError, match=r"another has no sharp weights .*; shipped models that have them: srdgan-x4$"
    ):
        load_model("another", sharpness=1)
    with pytest.raises(CheckpointError, match=r"no model 'another\.sharp'"):
        load_model("another.sharp")
