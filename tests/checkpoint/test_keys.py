import pytest
import torch

from srdgan_rt.checkpoint.keys import infer_spec, normalize_keys
from srdgan_rt.checkpoint.load import build_network
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import L2HNet

# Layer numbers of the first style, written down by hand for each scale: [conv_up..., conv_hr, conv_last].
FIRST_STYLE_TAILS = {1: (2, 4), 2: (3, 5, 7), 4: (3, 6, 8, 10)}


def to_first_style(net):
    tail_names = [f"conv_up{index + 1}" for index in range(len(FIRST_STYLE_TAILS[net.scale]) - 2)]
    tail_names += ["conv_hr", "conv_last"]
    layers = dict(zip(tail_names, FIRST_STYLE_TAILS[net.scale], strict=True)) | {"conv_first": 0}
    renamed = {}
    for name, tensor in net.state_dict().items():
        parts = name.split(".")
        if parts[0] == "body":
            name = f"model.1.sub.{parts[1]}.{parts[2].upper()}.{parts[3]}.0.{parts[4]}"
        elif parts[0] == "conv_body":
            name = f"model.1.sub.{net.num_blocks}.{parts[1]}"
        else:
            name = f"model.{layers[parts[0]]}.{parts[1]}"
        renamed[name] = tensor
    return renamed


def to_later_style(net):
    names = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"}
    renamed = {}
    for name, tensor in net.state_dict().items():
        parts = name.split(".")
        if parts[0] == "body":
            name = f"RRDB_trunk.{parts[1]}.{parts[2].upper()}.{parts[3]}.{parts[4]}"
        else:
            name = f"{names.get(parts[0], parts[0])}.{parts[1]}"
        renamed[name] = tensor
    return renamed


def to_data_parallel(net):
    return {f"module.{name}": tensor for name, tensor in to_later_style(net).items()}


@pytest.mark.parametrize("style", [to_first_style, to_later_style, to_data_parallel, L2HNet.state_dict])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_every_style_gives_the_same_network(style, scale):
    torch.manual_seed(0)
    net = L2HNet(num_blocks=2, num_features=6, growth_channels=3, scale=scale)
    loaded, spec = build_network(style(net))
    assert (spec.num_blocks, spec.num_features, spec.growth_channels, spec.scale) == (2, 6, 3, scale)
    x = torch.rand(1, 3, 5, 4)
    with torch.inference_mode():
        assert torch.equal(loaded(x), net(x))


def test_names_of_the_published_files():
    """The key names as the peers' files have them, so that the helpers above cannot be wrong in the same way."""
    first = {"model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight", "model.1.sub.1.weight", "model.10.bias"}
    assert first <= set(to_first_style(L2HNet(1, 4, 2)))
    later = {"conv_first.bias", "RRDB_trunk.0.RDB3.conv5.weight", "trunk_conv.bias", "upconv2.weight", "HRconv.weight"}
    assert later <= set(to_later_style(L2HNet(1, 4, 2)))
    assert "body.0.rdb3.conv5.weight" in normalize_keys(to_later_style(L2HNet(1, 4, 2)))


def change(**changes):
    weights = dict(L2HNet(2, 4, 2).state_dict())
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (change(conv_hr__bias=None), r"1 of \d+ keys missing: conv_hr.bias$"),
        (change(conv_up1__weight=None), "conv_up2.weight"),
        (change(style__weight=torch.zeros(1)), "1 unexpected: style.weight$"),
        (change(conv_hr__bias=torch.zeros(5)), r"1 of the wrong shape: conv_hr.bias \(5,\) instead of \(4,\)$"),
        (
            change(conv_hr__bias=torch.zeros(4, dtype=torch.int32)),
            "1 not in fp32, .* or fp64: conv_hr.bias torch.int32",
        ),
        (change(conv_hr__bias=torch.full((4,), torch.nan)), "holds NaN or infinite weights: conv_hr.bias"),
        (change(conv_first__weight=None), "conv_first.weight is missing"),
        (change(conv_first__weight=torch.zeros(4, 4, 3, 3)), "must take 3 channels, or 12 or 48 .*, this one takes 4"),
        (change(conv_first__weight=torch.zeros(4, 3)), "must have 4 axes, has 2"),
        (change(body__7777777__x=torch.zeros(1)), "names 7777778 blocks"),
        ({"layer1.weight": torch.zeros(1)}, "holds no RRDB network: its tensors are layer1.weight"),
        ({}, "holds no RRDB network"),
    ],
)
def test_faults_are_named_in_one_line(weights, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        build_network(weights)
    assert "\n" not in str(caught.value)


def test_long_lists_are_cut_and_counted():
    weights = {name: tensor for name, tensor in change().items() if not name.startswith("body.1.rdb2")}
    with pytest.raises(CheckpointError, match=r"10 of 72 keys missing: body.1.rdb2.conv1.weight, .*, \.\.\.$"):
        build_network(weights)


def test_empty_network_has_impossible_sizes():
    weights = change(conv_first__weight=torch.zeros(0, 3, 3, 3))
    with pytest.raises(CheckpointError, match="num_features must be at least 1, got 0"):
        infer_spec(weights)


def test_building_leaves_the_random_numbers_alone():
    weights = change()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    build_network(weights)
    assert torch.equal(torch.rand(1), expected)
