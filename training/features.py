"""Features for the feature loss (equation 4): of VGG16 from a local file, or of torchvision's VGG19."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from training.config import StageConfig

# Convolutions in order; a 2x2 maximum between the stages.
_STAGES = (("1_1", "1_2"), ("2_1", "2_2"), ("3_1", "3_2", "3_3"), ("4_1", "4_2", "4_3"), ("5_1", "5_2", "5_3"))
_MEAN_BGR = (103.939, 116.779, 123.68)  # the Caffe net takes BGR in 0..255 minus these

# Features are divided by their mean size over photographs: hundreds, beside which all other losses would vanish.
FEATURE_SIZES = {"conv1_2": 175.0, "conv2_2": 535.0, "conv3_3": 817.0, "conv4_3": 388.0, "conv5_3": 53.0}
"""The layers on offer (the last of each stage) and the mean absolute value of their features."""


VGG19_LAYERS = {"conv1_2": 2, "conv2_2": 7, "conv3_4": 16, "conv4_4": 25, "conv5_4": 34}
"""The layers of VGG19 on offer and their places in torchvision's net."""
_VGG19_MEAN, _VGG19_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the RGB values it was trained on


class VGGFeatures(nn.Module):
    """VGG16 up to one convolution, before its activation as in ESRGAN; weights are fixed.

    Args:
        path: ``.npz`` file with ``conv1_1.weight``, ``conv1_1.bias``, ... as the Caffe model has them.
        layer: one of ``FEATURE_SIZES``.

    Raises:
        InputError: the layer is unknown, or the file cannot be read or lacks a weight.
    """

    def __init__(self, path: Path, layer: str) -> None:
        super().__init__()
        if layer not in FEATURE_SIZES:
            raise InputError(f"the feature layer must be one of {', '.join(FEATURE_SIZES)}, got {layer!r}")
        names = [f"conv{name}" for stage in _STAGES for name in stage]
        weights = _read_weights(path, names[: names.index(layer) + 1])
        self._size = FEATURE_SIZES[layer]
        self._convs = nn.ModuleDict()
        for name, (weight, bias) in weights.items():
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 1, 1)
            conv.load_state_dict({"weight": weight, "bias": bias})
            self._convs[name] = conv
        self._pooled_before = {f"conv{stage[0]}" for stage in _STAGES[1:]}
        self.register_buffer("_mean", torch.tensor(_MEAN_BGR).view(1, 3, 1, 1))
        self._mean: Tensor
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Extracts features.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1].

        Returns:
            ``(N, C, H', W')`` features, of size 1 in the mean over photographs.
        """
        x = x.flip(1) * 255 - self._mean
        for index, (name, conv) in enumerate(self._convs.items()):
            if index:
                x = F.relu(x)
            if name in self._pooled_before:
                x = F.max_pool2d(x, 2)
            x = conv(x)
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
            raise InputError(f"the feature layer of VGG19 must be one of {', '.join(VGG19_LAYERS)}, got {layer!r}")
        try:
            from torchvision.models import VGG19_Weights, vgg19
        except ImportError as error:
            raise InputError('features = "vgg19" needs the package torchvision; "vgg16" reads a local file') from error
        net = vgg19(weights=VGG19_Weights.IMAGENET1K_V1)
        self._layers = net.features[: VGG19_LAYERS[layer] + 1]
        for module in self._layers.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # what goes in is needed for the gradient
        self._mean: Tensor
        self._deviation: Tensor
        self.register_buffer("_mean", torch.tensor(_VGG19_MEAN).view(1, 3, 1, 1))
        self.register_buffer("_deviation", torch.tensor(_VGG19_DEVIATION).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Extracts features: ``(N, 3, H, W)`` RGB in [0, 1] to ``(N, C, H', W')``."""
        features: Tensor = self._layers((x - self._mean) / self._deviation)
        return features


Features = VGGFeatures | VGG19Features


def load_features(config: StageConfig, weight: float, vgg16: Path | None) -> Features | None:
    """The features that a configuration asks for.

    Args:
        config: names the net and the layer.
        weight: of the feature loss; 0 needs no features.
        vgg16: file of VGG16.

    Returns:
        The features; None where they are not needed, or where the file of VGG16 is not given.

    Raises:
        InputError: as the two classes.
    """
    if weight == 0:
        return None
    if config.features == "vgg19":
        return VGG19Features(config.feature_layer or list(VGG19_LAYERS)[-1])
    return None if vgg16 is None else VGGFeatures(vgg16, config.feature_layer or list(FEATURE_SIZES)[-1])


def _read_weights(path: Path, names: list[str]) -> dict[str, tuple[Tensor, Tensor]]:
    try:
        with np.load(path) as arrays:
            return {
                name: (
                    torch.from_numpy(arrays[f"{name}.weight"].astype(np.float32)),
                    torch.from_numpy(arrays[f"{name}.bias"].astype(np.float32)),
                )
                for name in names
            }
    except KeyError as error:
        raise InputError(f"{path} is not the VGG16 file that is needed: {error.args[0]}") from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read the VGG16 weights {path}: {error}") from error
