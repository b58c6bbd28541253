from __future__ import annotations

import pytest
import torch

from srdgan_rt.bench.nets import make_random_net, open_model, parse_sizes
from srdgan_rt.bench.sample import make_sample
from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import ResidualInResidualDenseBlock


def test_sizes_are_read():
    spec = parse_sizes("25x64x32")
    assert (spec.num_blocks, spec.num_features, spec.growth_channels, spec.scale) == (25, 64, 32, 4)
    assert spec.name == "random 25x64x32"


@pytest.mark.parametrize("text", ["", "25x64", "0x64x32", "axbxc", "25x64x32x4", "-1x8x8", "999999x999x999"])
def test_wrong_sizes_are_refused(text):
    with pytest.raises(InputError):
        parse_sizes(text)


@pytest.mark.parametrize("text", ["25x16x8", "1x8x4"])
def test_activations_stay_near_one(text):
    net = open_model(text).net
    deviations = []
    for module in net.modules():
        if isinstance(module, (ResidualInResidualDenseBlock, torch.nn.Conv2d)) and module is not net.conv_first:
            module.register_forward_pre_hook(lambda module, inputs: deviations.append(inputs[0].square().mean().sqrt()))
    with torch.inference_mode():
        result = net(make_sample(16, 16))
    assert len(deviations) > 15
    assert all(0.02 < deviation < 10 for deviation in [*deviations, result.square().mean().sqrt()])


def test_weights_are_always_the_same_and_leave_the_random_state_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, second = (make_random_net(parse_sizes("1x8x4")).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.isfinite(tensor).all() and tensor.abs().max() > 0 for tensor in first.values())


def test_other_texts_are_models():
    model = open_model("srdgan-x4-fast")
    assert model.spec.name == "srdgan-x4-fast"
    assert model.net.num_features == model.spec.num_features
