"""Features for the feature loss (equation 4): of VGG16 from a local file, or of torchvision's VGG19."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import L2HNet
from training.config import StageConfig

STAGES = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions in each stage; there is a 2x2 maximum between the stages."""

# Features are divided by their mean size over photographs, hundreds, beside which all other losses would be negligible.
FEATURE_SIZES = {"conv1_2": 175.0, "conv2_2": 535.0, "conv3_3": 817.0, "conv4_3": 388.0, "conv5_3": 53.0}
"""The layers on offer (the last of each stage) and the mean absolute value of the Caffe net's features."""


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

# The description in a file of training.convert_vgg; a file without it is the Caffe model's VGG16.
NET_KEY, PREPROCESSING_KEY, SIZE_KEY = "net", "preprocessing", "size"

VGG19_LAYERS = {"conv1_2": 2, "conv2_2": 7, "conv3_4": 16, "conv4_4": 25, "conv5_4": 34}
"""The layers of VGG19 on offer and their places in torchvision's net."""


class VGGFeatures(nn.Module):
    """A VGG of a file up to one convolution, before its activation as in ESRGAN; weights are fixed.

    Args:
        path: ``.npz`` file with ``conv1_1.weight``, ``conv1_1.bias``, ..., as ``training.convert_vgg`` writes it.
        layer: one of ``FEATURE_SIZES``, or of ``VGG19_LAYERS``.
        net: ``vgg16``, whose features are divided by their size, or ``vgg19``, whose are not.

    Raises:
        InputError: the layer is unknown, or the file cannot be read, lacks a weight or is of another net.
    """

    def __init__(self, path: Path, layer: str, net: str = "vgg16") -> None:
        super().__init__()
        layers = FEATURE_SIZES if net == "vgg16" else VGG19_LAYERS
        if layer not in layers:
            raise InputError(f"the feature layer of {net} must be one of {', '.join(layers)}, got {layer!r}")
        names = list_convolutions(net)
        weights, facts = _read_file(path, names[: names.index(layer) + 1])
        if facts.get(NET_KEY, "vgg16") != net:
            raise InputError(f"{path} holds {facts[NET_KEY]}, and the configuration asks for {net}")
        preprocessing = facts.get(PREPROCESSING_KEY, "caffe")
        if preprocessing not in PREPROCESSING:
            raise InputError(f"{path}: preprocessing must be {' or '.join(PREPROCESSING)}, got {preprocessing!r}")
        self._preprocessing = PREPROCESSING[preprocessing]
        self._size = float(facts.get(f"{layer}.{SIZE_KEY}", FEATURE_SIZES[layer])) if net == "vgg16" else 1.0
        self._convs = nn.ModuleDict()
        for name, (weight, bias) in weights.items():
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 1, 1)
            conv.load_state_dict({"weight": weight, "bias": bias})
            self._convs[name] = conv
        self.requires_grad_(False)

    convolve = staticmethod(L2HNet.convolve)  # training may replace it

    def forward(self, x: Tensor) -> Tensor:
        """Extracts features.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1].

        Returns:
            ``(N, C, H', W')`` features; of VGG16 of size 1 in the mean over photographs.
        """
        x = self._preprocessing.apply(x)
        last = list(self._convs)[-1]
        for index, (name, conv) in enumerate(self._convs.items()):
            if index and name.endswith("_1"):
                x = F.max_pool2d(x, 2)
            assert isinstance(conv, nn.Conv2d)
            x = self.convolve(conv, x, 1.0 if name == last else 0.0)
        return x / self._size


class VGG19Features(nn.Module):
    """torchvision's VGG19 up to one convolution, before its activation, as ESRGAN uses it; weights are fixed.

    torchvision downloads the weights at the first use. Features are not divided by anything: ESRGAN's weights are
    meant for them as they are.

    Args:
        layer: one of ``VGG19_LAYERS``.

    Raises:
        InputError: the layer is unknown, or torchvision is not installed.
    """

    def __init__(self, layer: str) -> None:
        super().__init__()
        if layer not in VGG19_LAYERS:
            raise InputError(f"the feature layer of vgg19 must be one of {', '.join(VGG19_LAYERS)}, got {layer!r}")
        try:
            from torchvision.models import VGG19_Weights, vgg19
        except ImportError as error:
            raise InputError('features = "vgg19" needs the package torchvision; "vgg16" reads a local file') from error
        net = vgg19(weights=VGG19_Weights.IMAGENET1K_V1)
        self._layers = net.features[: VGG19_LAYERS[layer] + 1]
        for module in self._layers.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # what goes in is needed for the gradient
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Extracts features: ``(N, 3, H, W)`` RGB in [0, 1] to ``(N, C, H', W')``."""
        features: Tensor = self._layers(PREPROCESSING["torchvision"].apply(x))
        return features


Features = VGGFeatures | VGG19Features


def load_features(config: StageConfig, weight: float, vgg: Path | None) -> Features | None:
    """The features that a configuration asks for.

    Args:
        config: names the net and the layer.
        weight: of the feature loss; 0 needs no features.
        vgg: file of the net; without one VGG19 is torchvision's.

    Returns:
        The features; None where they are not needed, or where the file of VGG16 is not given.

    Raises:
        InputError: as the two classes.
    """
    if weight == 0:
        return None
    layer = config.feature_layer or list(VGG19_LAYERS if config.features == "vgg19" else FEATURE_SIZES)[-1]
    if vgg is not None:
        return VGGFeatures(vgg, layer, config.features)
    return VGG19Features(layer) if config.features == "vgg19" else None


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
    except KeyError as error:
        raise InputError(f"{path} is not the VGG file that is needed: {error.args[0]}") from error
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read the VGG weights {path}: {error}") from error
    return weights, facts
