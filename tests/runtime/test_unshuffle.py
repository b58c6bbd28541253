"""Networks that see blocks of pixels as one, as Real-ESRGAN's for x2 and x1 do, on pictures of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model, load_model, save_model
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import DEFAULT_HALO, L2HNet
from srdgan_rt.runtime import Upscaler, measure_ranges
from tests.helpers.lively_net import make_lively_net

NEEDS_EXTENSION = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
ENGINES = ["torch", pytest.param("native", marks=NEEDS_EXTENSION)]
FACTORS = [(2, 2), (1, 4), (1, 2)]  # scale, unshuffle


@pytest.fixture(scope="module", params=FACTORS, ids=str)
def net(request: pytest.FixtureRequest) -> L2HNet:
    scale, unshuffle = request.param
    return make_lively_net(scale=scale, unshuffle=unshuffle, seed=unshuffle)


def make_image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def run_as_published(net: L2HNet, image: np.ndarray) -> np.ndarray:
    """What Real-ESRGAN does: pad, mirrored, to a multiple; unshuffle; an ordinary network; crop."""
    height, width, _ = image.shape
    r = net.unshuffle
    padded = np.pad(image, ((0, -height % r), (0, -width % r), (0, 0)), "reflect")
    x = torch.from_numpy(padded).permute(2, 0, 1)[None]
    blocks = x.reshape(1, 3, x.shape[2] // r, r, x.shape[3] // r, r).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
    with torch.inference_mode():
        features = net.conv_first(blocks)
        features = features + net.conv_body(net.body(features))
        for conv in net.upsampling_convs():
            features = F.leaky_relu(conv(F.interpolate(features, scale_factor=2, mode="nearest")), 0.2)
        result = net.conv_last(F.leaky_relu(net.conv_hr(features), 0.2))[0].permute(1, 2, 0).clamp(0, 1).numpy()
    return result[: net.scale * height, : net.scale * width]


@pytest.mark.isa
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 2), (13, 17), (16, 24), (3, 50)])
def test_any_size_is_as_published(net: L2HNet, engine: str, size: tuple[int, int]) -> None:
    image = make_image(*size)
    result = Upscaler(net, device="cpu", engine=engine, precision="fp32").upscale(image)
    assert result.shape == (net.scale * size[0], net.scale * size[1], 3)
    np.testing.assert_allclose(result, run_as_published(net, image), atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_tiles_and_regions_change_nothing_with_a_full_halo(net: L2HNet, engine: str) -> None:
    """Whatever their corners: each reads whole blocks."""
    image = make_image(37, 45)
    halo = Model.from_net(net).spec.receptive_radius
    up = Upscaler(net, device="cpu", engine=engine, tile=11, halo=halo)
    whole = Upscaler(net, device="cpu", engine=engine, tile=0).upscale(image)
    np.testing.assert_allclose(up.upscale(image), whole, atol=1e-5)
    x, y, width, height = 5, 3, 21, 19
    scale = net.scale
    crop = whole[scale * y : scale * (y + height), scale * x : scale * (x + width)]
    np.testing.assert_allclose(up.upscale(image, roi=(x, y, width, height)), crop, atol=1e-5)


@pytest.mark.isa
@NEEDS_EXTENSION
def test_strips_change_no_bit(net: L2HNet) -> None:
    image = make_image(401, 19)
    whole, strips = (Upscaler(net, device="cpu", engine="native", tile=tile).upscale(image) for tile in (0, 41))
    np.testing.assert_array_equal(strips, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_border_padding_and_tensors(net: L2HNet, engine: str) -> None:
    image = make_image(11, 14)
    up = Upscaler(net, device="cpu", engine=engine, precision="fp32", tile=0, border_padding=3)
    r = net.unshuffle
    after = [-(side + 3) % r + 3 for side in (11, 14)]  # up to the next whole block; in front, that is 4 pixels
    padded = np.pad(image, ((4, after[0]), (4, after[1]), (0, 0)), "reflect")
    inner = slice(net.scale * 4, net.scale * (4 + 11)), slice(net.scale * 4, net.scale * (4 + 14))
    np.testing.assert_allclose(up.upscale(image), run_as_published(net, padded)[inner], atol=1e-4)
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    np.testing.assert_allclose(up(x)[0].permute(1, 2, 0), up.upscale(image), atol=1e-6)


def test_files_come_back(net: L2HNet, tmp_path: Path) -> None:
    save_model(tmp_path / "mine.safetensors", net, {}, dtype=torch.float32)
    torch.save({"params_ema": net.state_dict()}, tmp_path / "published.pth")
    image = make_image(9, 10)
    for name in ("mine.safetensors", "published.pth"):
        model = load_model(tmp_path / name)
        spec = model.spec
        assert (spec.scale, spec.unshuffle, spec.halo) == (net.scale, net.unshuffle, net.unshuffle * DEFAULT_HALO)
        up = Upscaler(model, device="cpu", engine="torch")
        assert np.array_equal(up.upscale(image), Upscaler(net, device="cpu", engine="torch").upscale(image))


def test_other_factors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scale times unshuffle must be 1, 2 or 4, got 8"):
        L2HNet(1, 4, 2, scale=2, unshuffle=4)
    weights = L2HNet(1, 4, 2, scale=1).state_dict() | {"conv_first.weight": torch.zeros(4, 48, 3, 3)}
    torch.save(weights, tmp_path / "smaller.pth")
    with pytest.raises(CheckpointError, match="the network must enlarge, this one has scale 1/4"):
        load_model(tmp_path / "smaller.pth")


@pytest.mark.isa
@NEEDS_EXTENSION
def test_int8_comes_close(net: L2HNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ext, "has_fast_int8", lambda: True)  # elsewhere other instructions compute the same
    image = make_image(16, 24)
    ranges = measure_ranges(net, [torch.from_numpy(image).permute(2, 0, 1)[None]])
    up = Upscaler(Model.from_net(net, ranges=ranges), device="cpu", engine="native", precision="int8")
    expected = Upscaler(net, device="cpu", engine="torch").upscale(image)
    difference = np.abs(up.upscale(image) - expected)
    assert 0 < difference.max() < 0.02
