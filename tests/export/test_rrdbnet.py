"""Weights for other programs: same results in an RRDBNet that is not ours, and in spandrel where it is installed."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import InputError
from srdgan_rt.export import export_rrdbnet, widen_growth
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import Upscaler
from tests.helpers.lively_net import make_lively_net


def run_rrdbnet(weights, x, unshuffle=1):
    """ESRGAN's forward pass, written from its description; 32 growth channels."""

    def conv(name, x):
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def lrelu(x):
        return F.leaky_relu(x, 0.2)

    def dense(name, x):
        maps = [x]
        for index in range(1, 5):
            maps.append(lrelu(conv(f"{name}.conv{index}", torch.cat(maps, 1))))
            assert maps[-1].shape[1] == 32
        return 0.2 * conv(f"{name}.conv5", torch.cat(maps, 1)) + x

    first = trunk = conv("conv_first", F.pixel_unshuffle(x, unshuffle))
    for block in range(1 + max(int(name.split(".")[1]) for name in weights if name.startswith("body."))):
        out = trunk
        for index in (1, 2, 3):
            out = dense(f"body.{block}.rdb{index}", out)
        trunk = 0.2 * out + trunk
    x = first + conv("conv_body", trunk)
    for index in range(1, sum(name.startswith("conv_up") for name in weights) // 2 + 1):
        x = lrelu(conv(f"conv_up{index}", F.interpolate(x, scale_factor=2)))
    return conv("conv_last", lrelu(conv("conv_hr", x)))


@pytest.fixture
def x():
    return torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("num_blocks", "scale", "unshuffle"), [(1, 4, 1), (2, 2, 2), (1, 1, 4), (1, 1, 1)])
def test_an_independent_network_gives_the_same(num_blocks, scale, unshuffle, x, tmp_path):
    net = make_lively_net(num_blocks, scale=scale, unshuffle=unshuffle)
    save_model(tmp_path / "net.safetensors", net, {"halo": "8"}, dtype=torch.float32)
    assert export_rrdbnet(tmp_path / "net.safetensors", tmp_path / "wide.safetensors") == 0
    weights = load_file(tmp_path / "wide.safetensors")
    with torch.inference_mode():
        torch.testing.assert_close(run_rrdbnet(weights, x, unshuffle), net(x), atol=1e-5, rtol=0)


def test_the_file_is_a_model_of_ours_too(tmp_path):
    net = make_lively_net()
    save_model(tmp_path / "net.safetensors", net, {"halo": "8", "border_padding": "3", "license": "mine"})
    assert export_rrdbnet(tmp_path / "net.safetensors", tmp_path / "wide.safetensors") == 3
    wide = load_model(tmp_path / "wide.safetensors")
    assert (wide.spec.growth_channels, wide.spec.halo, wide.spec.border_padding) == (32, 8, 3)
    assert wide.metadata["license"] == "mine"
    picture = (torch.rand(9, 7, 3).numpy() * 255).astype("uint8")
    narrow, same = (
        Upscaler(tmp_path / name, engine="torch").upscale(picture) for name in ("net.safetensors", "wide.safetensors")
    )
    assert abs(narrow.astype(int) - same).max() <= 1


def test_a_network_of_that_size_stays_as_it_is():
    net = L2HNet(1, 8, 32)
    wide = widen_growth(net)
    assert all(torch.equal(wide.state_dict()[name], tensor) for name, tensor in net.state_dict().items())


def test_wider_networks_are_refused():
    with pytest.raises(InputError, match="at most 32 growth channels, got 33"):
        widen_growth(L2HNet(1, 4, 33))


def test_networks_that_degrade_are_refused(tmp_path):
    with pytest.raises(InputError, match="only networks that enlarge"):
        export_rrdbnet("srdgan-h2l", tmp_path / "a.safetensors")


@pytest.mark.parametrize(("scale", "unshuffle"), [(4, 1), (2, 2), (1, 1)])
def test_spandrel_gives_the_same(scale, unshuffle, x, tmp_path):
    spandrel = pytest.importorskip("spandrel")
    net = make_lively_net(scale=scale, unshuffle=unshuffle)
    save_model(tmp_path / "net.safetensors", net, {"halo": "8"}, dtype=torch.float32)
    export_rrdbnet(tmp_path / "net.safetensors", tmp_path / "wide.safetensors")
    model = spandrel.ModelLoader(device="cpu").load_from_file(tmp_path / "wide.safetensors")
    assert (model.scale, model.input_channels, model.output_channels) == (scale, 3, 3)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), net(x).clamp(0, 1), atol=1e-5, rtol=0)
