from __future__ import annotations

import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from training.config import StageConfig
from training.models.features import FEATURE_SIZES, VGGFeatures, load_features


@pytest.fixture
def tiny_vgg(tmp_path: Path) -> Path:
    """The layers up to conv2_2 with few channels and random weights."""
    rng = np.random.default_rng(0)
    arrays, channels = {}, 3
    for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
        arrays[f"{name}.weight"] = rng.normal(0, 0.1, (4, channels, 3, 3)).astype(np.float16)
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, 4).astype(np.float16)
        channels = 4
    np.savez(tmp_path / "vgg.npz", **arrays)
    return tmp_path / "vgg.npz"


def test_the_layers_in_order(tiny_vgg: Path) -> None:
    arrays = {name: torch.from_numpy(value.astype(np.float32)) for name, value in np.load(tiny_vgg).items()}
    rgb = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    red, green, blue = rgb.unbind(1)
    x = torch.stack([blue * 255 - 103.939, green * 255 - 116.779, red * 255 - 123.68], 1)

    def conv(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, arrays[f"{name}.weight"], arrays[f"{name}.bias"], padding=1)

    x = conv("conv1_2", conv("conv1_1", x).clamp(min=0)).clamp(min=0)
    x = conv("conv2_2", conv("conv2_1", F.max_pool2d(x, 2)).clamp(min=0))
    expected = x / FEATURE_SIZES["conv2_2"]
    torch.testing.assert_close(VGGFeatures(tiny_vgg, "conv2_2")(rgb), expected)


def test_weights_are_fixed_but_gradients_pass(tiny_vgg: Path) -> None:
    features = VGGFeatures(tiny_vgg, "conv1_2")
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    features(x).square().mean().backward()
    assert x.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_features_of_a_photograph_are_of_size_one(shared_data: Path) -> None:
    weights = shared_data.parent / "weights" / "vgg16_conv_fp16.npz"
    if not weights.is_file():
        pytest.skip("the VGG16 weights are not there: ../shared/weights")
    photograph = cv2.imread(str(shared_data / "Set5" / "LRx4" / "bird.png"), cv2.IMREAD_COLOR_RGB)
    x = torch.from_numpy(photograph.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with torch.no_grad():
        size = VGGFeatures(weights, "conv5_3")(x).abs().mean().item()
    assert 0.4 < size < 2.5


def test_rejects_bad_files_and_layers(tiny_vgg: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the feature layer of vgg16 must be one of conv1_2, .*, got 'conv9_9'"):
        VGGFeatures(tiny_vgg, "conv9_9")
    with pytest.raises(InputError, match=r"vgg\.npz holds no VGG up to conv3_3; python -m training\.convert_vgg makes"):
        VGGFeatures(tiny_vgg, "conv3_3")
    with pytest.raises(InputError, match=r"cannot read the VGG weights .*none\.npz: No such file or directory$"):
        VGGFeatures(tmp_path / "none.npz", "conv1_2")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"broken\.npz holds no VGG up to conv1_2"):
        VGGFeatures(tmp_path / "broken.npz", "conv1_2")


def test_a_file_says_what_it_is(tiny_vgg: Path, tmp_path: Path) -> None:
    arrays = dict(np.load(tiny_vgg))
    np.savez(tmp_path / "19.npz", **arrays, net=np.array("vgg19"))
    with pytest.raises(InputError, match="holds vgg19, but vgg16 is needed"):
        VGGFeatures(tmp_path / "19.npz", "conv2_2")
    np.savez(tmp_path / "other.npz", **arrays, preprocessing=np.array("other"))
    with pytest.raises(InputError, match="preprocessing must be caffe or torchvision, got 'other'"):
        VGGFeatures(tmp_path / "other.npz", "conv2_2")


def test_no_weight_needs_no_features(tmp_path: Path) -> None:
    config = StageConfig(name="x", iterations=1)
    assert load_features(config, 0.0, None) is None
    with pytest.raises(InputError, match="the weight of the feature loss must be above 0 where --vgg is given, got 0"):
        load_features(config, 0.0, tmp_path / "none.npz")
    with pytest.raises(InputError, match="cannot read the VGG weights"):
        load_features(config, 1.0, tmp_path / "none.npz")


def test_vgg19_needs_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    config = StageConfig(name="x", iterations=1, features="vgg19")
    with pytest.raises(InputError, match="needs the package torchvision"):
        load_features(config, 1.0, None)
    with pytest.raises(InputError, match=r"the feature layer of vgg19 must be one of conv1_2, .* got 'conv9'"):
        load_features(StageConfig(name="x", iterations=1, features="vgg19", feature_layer="conv9"), 1.0, None)


def test_vgg19_stops_before_the_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A net in the form of torchvision's; its first two convolutions by hand."""
    convs = [nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)]
    layers = nn.Sequential(convs[0], nn.ReLU(inplace=True), convs[1], nn.ReLU(inplace=True))
    models = types.ModuleType("torchvision.models")
    models.VGG19_Weights = types.SimpleNamespace(IMAGENET1K_V1="weights")
    models.vgg19 = lambda weights: types.SimpleNamespace(features=layers)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    features = load_features(StageConfig(name="x", iterations=1, features="vgg19", feature_layer="conv1_2"), 1.0, None)
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(features(x), convs[1](convs[0]((x - mean) / deviation).relu()))
    assert not any(parameter.requires_grad for parameter in features.parameters())
