"""Exports low-to-high networks for programs that read weights of RRDBNet with spandrel (ComfyUI, chaiNNer)."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from srdgan_rt.checkpoint import available_degradations, load_model, save_model
from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet

_GROWTH = 32  # of ESRGAN, the only one that spandrel accepts
_CONVS = ("conv1", "conv2", "conv3", "conv4", "conv5")


def widen_growth(net: L2HNet, growth_channels: int = _GROWTH) -> L2HNet:
    """The same network with more growth channels. Weights and biases of the new channels are zero.

    Args:
        net: the network.
        growth_channels: at least those of the network.

    Returns:
        A network with the same results, except for the order in which sums are rounded. It is slower by its size.

    Raises:
        InputError: the network has more growth channels.
    """
    if net.growth_channels > growth_channels:
        raise InputError(f"the network must have at most {growth_channels} growth channels, got {net.growth_channels}")
    wide = L2HNet(net.num_blocks, net.num_features, growth_channels, net.scale, net.unshuffle).eval()
    weights = {
        name: _widen(name, tensor, net.num_features, net.growth_channels, growth_channels)
        for name, tensor in net.state_dict().items()
    }
    wide.load_state_dict(weights)
    return wide


def _widen(name: str, tensor: Tensor, num_features: int, growth: int, wide_growth: int) -> Tensor:
    """One tensor of the wider network: each group of growth channels is followed by zeros."""
    *block, conv, _ = name.split(".")
    if not block:  # outside of the dense blocks
        return tensor
    if conv != _CONVS[-1]:
        tensor = _append_zeros(tensor, 0, wide_growth - growth)
    if tensor.ndim == 1:
        return tensor
    groups = tensor.split([num_features] + [growth] * _CONVS.index(conv), 1)
    return torch.cat([groups[0], *(_append_zeros(group, 1, wide_growth - growth) for group in groups[1:])], 1)


def _append_zeros(tensor: Tensor, axis: int, number: int) -> Tensor:
    shape = list(tensor.shape)
    shape[axis] = number
    return torch.cat([tensor, tensor.new_zeros(shape)], axis)


def export_rrdbnet(
    name_or_path: str | os.PathLike[str], path: str | os.PathLike[str], *, sharpness: float | None = None
) -> int:
    """Writes a model as weights of RRDBNet with 32 growth channels, in fp32, by the names of the newest ESRGAN.

    Args:
        name_or_path: as :func:`~srdgan_rt.checkpoint.load_model` takes it.
        path: a ``.safetensors`` file; replaced if it exists. Its metadata keep those of the model.
        sharpness: see :func:`~srdgan_rt.checkpoint.load_model`.

    Returns:
        Border padding of the model: LR pixels by which the user has to continue the picture, mirrored, in a program
        that knows nothing of it.

    Raises:
        CheckpointError: the model cannot be loaded, or the file cannot be written.
        InputError: ``sharpness`` is not in 0..1, the model degrades pictures, or it has more than 32 growth channels.
    """
    if os.fspath(name_or_path) in available_degradations():
        raise InputError(f"only networks that enlarge can be exported for spandrel, {name_or_path} degrades pictures")
    model = load_model(name_or_path, sharpness=sharpness)
    facts = {
        "name": model.spec.name,
        "halo": str(model.spec.halo),
        "border_padding": str(model.spec.border_padding),
    }
    save_model(path, widen_growth(model.net), dict(model.metadata) | facts, dtype=torch.float32)
    return model.spec.border_padding
