"""The convolutions of VGG16 and VGG19, whose features compare pictures; weights come from a file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.models.convolve import convolve

STAGES = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions in each stage; there is a 2x2 maximum between the stages."""

NET_KEY, PREPROCESSING_KEY = "net", "preprocessing"
"""The description in a file of ``training.convert_vgg``; a file without it is the Caffe model's VGG16."""


@dataclass(frozen=True)
class Preprocessing:
    """Input of a VGG: RGB or BGR in 0..scale, minus a mean, divided by a deviation (in the order of the channels)."""

    is_bgr: bool
    scale: float
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def apply(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W)`` RGB in [0, 1] to the input of the first convolution."""
        mean, deviation = (x.new_tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.deviation))
        return ((x.flip(1) if self.is_bgr else x) * self.scale - mean) / deviation


PREPROCESSING = {
    "caffe": Preprocessing(True, 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "torchvision": Preprocessing(False, 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""By the program that a VGG was trained with; a file says which one under ``PREPROCESSING_KEY``."""


class VGG(nn.Module):
    """A VGG up to the last of the wanted convolutions; weights are fixed.

    Args:
        path: ``.npz`` file with ``conv1_1.weight``, ``conv1_1.bias``, ..., as ``training.convert_vgg`` writes it.
        layers: names of the wanted convolutions, from :func:`list_convolutions`.
        net: ``vgg16`` or ``vgg19``.

    Raises:
        InputError: the file cannot be read, lacks a weight or is of another net.

    Attributes:
        facts: the file's description of itself: text by key.
    """

    def __init__(self, path: Path, layers: Sequence[str], net: str = "vgg16") -> None:
        super().__init__()
        names = list_convolutions(net)
        weights, self.facts = _read_file(path, names[: 1 + max(map(names.index, layers))])
        if (found := self.facts.get(NET_KEY, "vgg16")) != net:
            raise InputError(f"{path} holds {found}, but {net} is needed")
        preprocessing = self.facts.get(PREPROCESSING_KEY, "caffe")
        if preprocessing not in PREPROCESSING:
            raise InputError(f"{path}: preprocessing must be {' or '.join(PREPROCESSING)}, got {preprocessing!r}")
        self._preprocessing = PREPROCESSING[preprocessing]
        self._layers = frozenset(layers)
        self._convs = nn.ModuleDict()
        for name, (weight, bias) in weights.items():
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 1, 1)
            conv.load_state_dict({"weight": weight, "bias": bias})
            self._convs[name] = conv
        self.requires_grad_(False)

    convolve = staticmethod(convolve)  # training may replace it

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Extracts features.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1].

        Returns:
            ``(N, C, H', W')`` features of each wanted convolution, before its activation.
        """
        x = self._preprocessing.apply(x)
        features = {}
        for index, (name, conv) in enumerate(self._convs.items()):
            if index and name.endswith("_1"):
                x = F.max_pool2d(x, 2)
            assert isinstance(conv, nn.Conv2d)
            wanted = name in self._layers
            x = self.convolve(conv, x, 1.0 if wanted else 0.0)
            if wanted:
                features[name] = x
                x = F.relu(x)
        return features


def list_convolutions(net: str) -> list[str]:
    """Names of the convolutions of a net, in their order."""
    return [f"conv{stage}_{place + 1}" for stage, count in enumerate(STAGES[net], 1) for place in range(count)]


def _read_file(path: Path, names: list[str]) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, str]]:
    """Weight and bias of the convolutions of these names, and the file's description of itself."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = {name: str(arrays[name]) for name in arrays.files if not name.endswith((".weight", ".bias"))}
            weights = {
                name: (
                    torch.from_numpy(arrays[f"{name}.weight"].astype(np.float32)),
                    torch.from_numpy(arrays[f"{name}.bias"].astype(np.float32)),
                )
                for name in names
            }
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(f"cannot read the VGG weights {path}: {error.strerror}") from error
    except (OSError, KeyError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        reason = f"holds no VGG up to {names[-1]}; python -m training.convert_vgg makes such a file"
        raise InputError(f"{path} {reason}") from error
    return weights, facts
