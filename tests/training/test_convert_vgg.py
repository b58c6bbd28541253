"""The file of the feature loss from the forms in which VGG is to be had, with random weights of the real shapes."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from small_disk import small_disk
from torch import nn

from training import convert_vgg
from training.config import StageConfig
from training.models.features import FEATURE_SIZES, VGG19_LAYERS, VGGFeatures, load_features

# torchvision's configurations D and E: channels of convolutions with an activation each, "M" for a maximum.
_D = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
_E = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"]


def make_torchvision(layout: list[int | str]) -> nn.Sequential:
    """``torchvision.models.vgg16().features``, with random weights that keep features of one size."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    channels = 3
    for entry in layout:
        if isinstance(entry, int):
            conv = nn.Conv2d(channels, entry, 3, padding=1)
            nn.init.normal_(conv.weight, 0, (2 / (9 * channels)) ** 0.5)
            layers += [conv, nn.ReLU()]
            channels = entry
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


@pytest.fixture(scope="module", params=["vgg16", "vgg19"])
def net(request: pytest.FixtureRequest) -> tuple[str, nn.Sequential]:
    return request.param, make_torchvision(_D if request.param == "vgg16" else _E)


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["convert_vgg", *map(str, arguments)])
    convert_vgg.main()


def save_torchvision(features: nn.Sequential, path: Path) -> Path:
    classifier = {"classifier.0.weight": torch.zeros(2, 2)}  # which is there, too, and not needed
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()} | classifier, path)
    return path


@torch.no_grad()
def test_torchvision(
    net: tuple[str, nn.Sequential], picture: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, features = net
    run(monkeypatch, save_torchvision(features, tmp_path / "vgg.pth"), "-o", tmp_path / "vgg.npz")
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    for layer in ("conv1_2", "conv5_3" if name == "vgg16" else "conv5_4"):
        place = {"conv1_2": 2, "conv5_3": 28, "conv5_4": 34}[layer]  # as torchvision's documentation counts them
        expected = features[: place + 1]((picture - mean) / deviation)
        config = StageConfig(name="x", iterations=1, features=name, feature_layer=layer)
        loaded = load_features(config, 1.0, tmp_path / "vgg.npz")
        assert isinstance(loaded, VGGFeatures)
        size = float(np.load(tmp_path / "vgg.npz")[f"{layer}.size"]) if name == "vgg16" else 1.0
        torch.testing.assert_close(loaded(picture) * size, expected, rtol=1e-4, atol=1e-4)


def test_places_are_those_that_the_trainer_takes_from_torchvision() -> None:
    places = convert_vgg.list_places("vgg19")
    assert {layer: places[layer] for layer in VGG19_LAYERS} == VGG19_LAYERS


@torch.no_grad()
def test_caffe(picture: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = make_torchvision(_D)
    convs = [layer for layer in features if isinstance(layer, nn.Conv2d)]
    arrays = {}
    for name, conv in zip(convert_vgg.list_places("vgg16"), convs, strict=True):
        conv.weight.copy_(conv.weight.half())
        conv.bias.copy_(conv.bias.half())
        arrays |= {f"{name}.weight": conv.weight.half().numpy(), f"{name}.bias": conv.bias.half().numpy()}
    np.savez(tmp_path / "caffe.npz", **arrays)
    run(monkeypatch, tmp_path / "caffe.npz", "-o", tmp_path / "vgg.npz")
    red, green, blue = picture.unbind(1)
    x = torch.stack([blue * 255 - 103.939, green * 255 - 116.779, red * 255 - 123.68], 1)
    expected = convs[1](convs[0](x).relu())
    result = VGGFeatures(tmp_path / "vgg.npz", "conv1_2")(picture) * FEATURE_SIZES["conv1_2"]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-3)
    # The same file, unconverted, is understood, too.
    unconverted = VGGFeatures(tmp_path / "caffe.npz", "conv1_2")(picture) * FEATURE_SIZES["conv1_2"]
    torch.testing.assert_close(unconverted, result)


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"features.5.bias": None}, 2, "is no VGG16 or VGG19: features.5.bias is missing"),
        ({"features.5.bias": torch.zeros(3)}, 2, "features.5.bias must be of shape (128,), got (3,)"),
        ({"features.5.bias": torch.full((128,), torch.nan)}, 2, "features.5.bias holds values that are not finite"),
        ({"features.1.running_mean": torch.zeros(3)}, 2, "is no plain VGG16: it has features.1.running_mean, too"),
        ({"features.5.bias": print}, 1, "pickled code is never run"),
    ],
)
def test_what_is_no_vgg_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    status: int,
    message: str,
) -> None:
    state: dict[str, object] = {}
    inputs = 3
    for name, place in convert_vgg.list_places("vgg16").items():
        outputs = [64, 128, 256, 512, 512][int(name[4]) - 1]
        state[f"features.{place}.weight"] = torch.zeros(outputs, inputs, 3, 3, dtype=torch.float16)
        state[f"features.{place}.bias"] = torch.zeros(outputs)
        inputs = outputs
    state |= change
    torch.save({key: value for key, value in state.items() if value is not None}, tmp_path / "vgg.pth")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, tmp_path / "vgg.pth", "-o", tmp_path / "vgg.npz")
    assert stop.value.code == status
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "vgg.npz").exists()


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [("vgg.caffemodel", "vgg.npz", "must be torchvision's .pth"), ("vgg.pth", "vgg.pt", "the output must end in .npz")],
)
def test_other_endings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
    output: str,
    message: str,
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, tmp_path / source, "-o", tmp_path / output)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("is_caffe", "file"),
    [(False, rf"{re.escape(tempfile.gettempdir())}/\S+/vgg16\.npz"), (True, r"\S+/out\.npz")],
    ids=["temporary", "output"],
)
def test_a_full_disk_names_the_file(
    is_caffe: bool, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sizes of torchvision's features are measured on a temporary file; those of the Caffe model's are known."""
    source = save_torchvision(make_torchvision(_D), tmp_path / "vgg.pth")
    options = ["--preprocessing", "caffe"] if is_caffe else []
    with small_disk(1_000_000), pytest.raises(SystemExit) as stop:
        run(monkeypatch, source, "-o", tmp_path / "out.npz", *options)
    assert stop.value.code == 1
    assert re.fullmatch(rf"\S+: error: {file}: File too large\n", capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["vgg.pth"]
