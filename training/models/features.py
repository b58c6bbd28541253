"""Features for the feature loss (equation 4): of VGG16 from a local file, or of torchvision's VGG19."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from srdgan_rt.errors import InputError
from srdgan_rt.models.vgg import PREPROCESSING, VGG
from training.config import StageConfig

# Features are divided by their mean size over photographs, hundreds, beside which all other losses would be negligible.
FEATURE_SIZES = {"conv1_2": 175.0, "conv2_2": 535.0, "conv3_3": 817.0, "conv4_3": 388.0, "conv5_3": 53.0}
"""The layers on offer (the last of each stage) and the mean absolute value of the Caffe net's features."""

SIZE_KEY = "size"
"""Ending of the keys under which a file of ``training.convert_vgg`` holds the sizes of its own features."""

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
        self._layer = layer
        self._vgg = VGG(path, [layer], net)
        self._size = float(self._vgg.facts.get(f"{layer}.{SIZE_KEY}", FEATURE_SIZES[layer])) if net == "vgg16" else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Extracts features.

        Args:
            x: ``(N, 3, H, W)`` RGB in [0, 1].

        Returns:
            ``(N, C, H', W')`` features; of VGG16 of size 1 in the mean over photographs.
        """
        features: Tensor = self._vgg(x)[self._layer]
        return features / self._size


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
        vgg: file of the net, only where features are needed; without one VGG19 is torchvision's.

    Returns:
        The features; None where they are not needed, or where the file of VGG16 is not given.

    Raises:
        InputError: as the two classes, or the file would not be used.
    """
    if weight == 0:
        if vgg is not None:
            raise InputError("the weight of the feature loss must be above 0 where --vgg is given, got 0")
        return None
    layer = config.feature_layer or list(VGG19_LAYERS if config.features == "vgg19" else FEATURE_SIZES)[-1]
    if vgg is not None:
        return VGGFeatures(vgg, layer, config.features)
    return VGG19Features(layer) if config.features == "vgg19" else None
