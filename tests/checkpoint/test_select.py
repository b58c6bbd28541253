"""Which tensors of a file are taken: the wrappers, prefixes and moving averages of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from srdgan_rt.checkpoint import load_h2l, load_model
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import H2LNet, L2HNet

Weights = dict[str, Tensor]


def make_weights(seed: int) -> Weights:
    torch.manual_seed(seed)
    return dict(L2HNet(num_blocks=1, num_features=4, growth_channels=2).state_dict())


RIGHT, OTHER = make_weights(1), make_weights(2)
DISCRIMINATOR = {"conv0.weight": torch.zeros(4, 3, 3, 3), "conv_first.weight": torch.zeros(4, 3, 3, 3)}


def prefixed(prefix: str, weights: Mapping[str, Tensor]) -> Weights:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def check_loads_right(path: Path) -> None:
    loaded = load_model(path).net.state_dict()
    assert loaded.keys() == RIGHT.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in RIGHT.items())


FORMS: dict[str, Any] = {
    # What is wrapped around the weights.
    "BasicSR": {"params": RIGHT, "iter": 5000},
    "Lightning": {"state_dict": prefixed("generator.", RIGHT), "epoch": 3, "optimizer_states": [{"state": OTHER}]},
    "PyTorch's tutorial": {"model_state_dict": RIGHT, "epoch": 3, "optimizer_state_dict": {"state": {0: OTHER}}},
    "one word": {"model": RIGHT},
    "dictionaries in dictionaries": {"checkpoint": {"model": {"state_dict": RIGHT}}},
    "an unknown word": {"network of mine": RIGHT},
    # Prefixes.
    "DataParallel": prefixed("module.", RIGHT),
    "compiled": prefixed("_orig_mod.", RIGHT),
    "compiled and parallel": {"params": prefixed("module._orig_mod.", RIGHT)},
    "netG": prefixed("netG.", RIGHT),
    "net_g": {"weights": prefixed("net_g.module.", RIGHT)},
    "an unknown prefix": prefixed("trainer.sr.", RIGHT),
    # Moving averages go first, wherever they stand.
    "neosr": {"params-ema": RIGHT, "params": OTHER},
    "average first": {"params_ema": RIGHT, "params": OTHER},
    "average last": {"params": OTHER, "params_ema": RIGHT},
    "mmagic": {
        "state_dict": {
            **prefixed("generator.", OTHER),
            **prefixed("generator_ema.module.", RIGHT),
            **prefixed("discriminator.", DISCRIMINATOR),
            "generator_ema.steps": torch.zeros(1),
            "step_counter": torch.zeros(1),
        }
    },
    "an average beside its model": {"model": OTHER, "model_ema": {"decay": 0.999, "shadow": RIGHT}},
    "ema": {"state_dict": OTHER, "ema": RIGHT},
    "ema_pytorch": {**prefixed("online_model.", OTHER), **prefixed("ema_model.", RIGHT), "initted": torch.tensor(True)},
    "timm": {"state_dict": OTHER, "state_dict_ema": prefixed("module.", RIGHT)},
    "swa_utils": {"weights": OTHER, "average": {"n_averaged": torch.tensor(3), **prefixed("module.", RIGHT)}},
    "average prefix without wrapper": {**OTHER, **prefixed("ema.", RIGHT)},
    # Precedence of plain weights.
    "params before state_dict": {"state_dict": OTHER, "params": RIGHT},
    "generator before bare": {**OTHER, "generator": RIGHT},
    "bare before unknown": {"teacher": OTHER, **RIGHT},
    # What stands beside.
    "discriminator": {"params": RIGHT, "net_d": DISCRIMINATOR, "net_d_ema": prefixed("module.", DISCRIMINATOR)},
    "discriminator among flat names": {**RIGHT, **prefixed("discriminator.", DISCRIMINATOR), "step": torch.zeros(1)},
    "optimiser of the same shapes": {"params": RIGHT, "optimizer": {"state": {0: {"exp_avg": OTHER}}}},
    "twice the same": {"ema": RIGHT, "params_ema": {name: tensor.clone() for name, tensor in RIGHT.items()}},
}


@pytest.mark.parametrize("form", FORMS)
def test_wild_forms(tmp_path: Path, form: str) -> None:
    torch.save(FORMS[form], tmp_path / "wild.pth")
    check_loads_right(tmp_path / "wild.pth")


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".PTH"])
def test_endings_of_pytorch_files(tmp_path: Path, suffix: str) -> None:
    torch.save({"state_dict": prefixed("net_g.", RIGHT)}, tmp_path / f"wild{suffix}")
    check_loads_right(tmp_path / f"wild{suffix}")


def test_flat_files_have_prefixes_too(tmp_path: Path) -> None:
    flat = {**prefixed("params.", OTHER), **prefixed("params_ema.", RIGHT)}
    save_file(flat, tmp_path / "flat.safetensors")
    np.savez_compressed(tmp_path / "flat.npz", **{name: tensor.numpy() for name, tensor in flat.items()})
    check_loads_right(tmp_path / "flat.safetensors")
    check_loads_right(tmp_path / "flat.npz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ema": RIGHT, "params_ema": OTHER}, "two sets of weights that differ, ema and params_ema: keep one"),
        (
            {"state_dict": {**prefixed("student.", RIGHT), **prefixed("teacher.", OTHER)}},
            "differ, state_dict.student and state_dict.teacher",
        ),
        ({"a": RIGHT, "b": make_weights(3)}, "differ, a and b"),
        ({"a": RIGHT, "b": L2HNet(1, 8, 2).state_dict()}, "differ, a and b"),
        (
            {"state_dict": {**RIGHT, **{f"model_ema.{name.replace('.', '')}": RIGHT[name] for name in RIGHT}}},
            "a moving average whose names are not those of the network: state_dict.model_ema.conv_firstweight",
        ),
        (
            {"params": RIGHT, "ema": {"shadow_params": list(RIGHT.values())}},
            "a moving average whose names are not those of the network: ema.shadow_params.0",
        ),
        ({"params_ema": {**RIGHT, "style.weight": torch.zeros(1)}, "params": RIGHT}, "1 unexpected: style.weight"),
        ({"params_ema": dict(list(RIGHT.items())[:20]), "params": RIGHT}, "keys missing: "),
        ({"net_d": RIGHT}, "holds no RRDB network: it has no named tensors"),
        (prefixed("netD.", RIGHT), "holds no RRDB network: its tensors are netD.conv_first.weight"),
        (
            {f"{i}.body.0.rdb1.conv1.bias": RIGHT["body.0.rdb1.conv1.bias"] for i in range(99)},
            "holds 99 sets of weights",
        ),
    ],
)
def test_never_a_silent_guess(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "wild.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(tmp_path / "wild.pth")
    assert "\n" not in str(caught.value)


def test_each_command_takes_its_net_of_a_joint_training(tmp_path: Path) -> None:
    h2l = H2LNet(1, 6)
    state = {"params_ema": RIGHT, "params": OTHER, "h2l_params": H2LNet(1, 6).state_dict()}
    torch.save({**state, "h2l_params_ema": h2l.state_dict()}, tmp_path / "joint.pt")
    check_loads_right(tmp_path / "joint.pt")
    torch.testing.assert_close(load_h2l(tmp_path / "joint.pt").net.state_dict(), h2l.state_dict())


def test_dictionaries_without_end(tmp_path: Path) -> None:
    """Each is visited once, however often it is named, and none too deep."""
    loop: dict[str, Any] = {"params": RIGHT}
    loop["again"] = loop
    torch.save(loop, tmp_path / "loop.pth")
    check_loads_right(tmp_path / "loop.pth")
    doubled: dict[str, Any] = {}
    for _ in range(60):
        doubled = {"a": doubled, "b": doubled}
    torch.save({"params": RIGHT, "more": doubled}, tmp_path / "doubled.pth")
    check_loads_right(tmp_path / "doubled.pth")
