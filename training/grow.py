"""Makes a low-to-high net larger without changing what it does: ``python -m training.grow MODEL --blocks 25 -o FILE``.

With ``--beside OTHER``, the net is first made of two: each has its own channels, and the result is the mean of theirs.
A training then learns which of them to follow, and where.

A training that starts from the larger net goes on where the smaller one stood. New channels read what is there
by random weights, and nothing reads them yet. New blocks come last, with a last convolution of zeros: each of them
multiplies what it is given by 1.2 (its shortcut around three shortcuts), which ``conv_body`` takes back. Its weights
are that much smaller than those of a net that was trained, and steps of the usual size would destroy them. So the
training needs ``conv_body_rate``, which the command prints.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import RESIDUAL_SCALE, L2HNet, ResidualDenseBlock
from training.cli.parser import CommandParser, one_line_errors
from training.models.initialise import initialise
from training.publish.card import NOT_KNOWN


@torch.no_grad()
def grow(small: L2HNet, num_blocks: int, num_features: int, growth_channels: int, seed: int = 0) -> L2HNet:
    """A larger net that gives the same pictures.

    Args:
        small: the net to start from.
        num_blocks: of the new net, at least as many as the small one has.
        num_features: likewise.
        growth_channels: likewise.
        seed: of the new weights.

    Returns:
        The new net, of the same scale. Its results differ from the small net's by rounding alone.

    Raises:
        InputError: a size is smaller than that of the small net.
    """
    for name, value in (
        ("num_blocks", num_blocks),
        ("num_features", num_features),
        ("growth_channels", growth_channels),
    ):
        if value < getattr(small, name):
            raise InputError(f"{name} must be at least the {getattr(small, name)} of the model, got {value}")
    large = L2HNet(num_blocks, num_features, growth_channels, small.scale, small.unshuffle)
    initialise(large, seed)
    _copy_weights(small, large)
    for block in list(large.body)[small.num_blocks :]:
        for dense in block.children():
            assert isinstance(dense, ResidualDenseBlock)
            nn.init.zeros_(dense.conv5.weight)
    large.conv_body.weight *= conv_body_rate(small, num_blocks)
    return large


@torch.no_grad()
def put_beside(first: L2HNet, second: L2HNet) -> L2HNet:
    """One net of two: it gives the mean of their pictures.

    Args:
        first: its channels come first.
        second: of the same number of blocks, scale and unshuffle.

    Returns:
        A net as wide as both together, in which no convolution but the last reads from the other net's channels.

    Raises:
        InputError: the nets differ in more than their width.
    """
    for name in ("num_blocks", "scale", "unshuffle"):
        if getattr(first, name) != getattr(second, name):
            raise InputError(f"{name} of the models must agree, got {getattr(first, name)} and {getattr(second, name)}")
    both = L2HNet(
        first.num_blocks,
        first.num_features + second.num_features,
        first.growth_channels + second.growth_channels,
        first.scale,
        first.unshuffle,
    )
    for weights in both.parameters():
        weights.zero_()
    _copy_weights(first, both)
    _copy_weights(second, both, first.num_features, first.growth_channels)
    for name in ("weight", "bias"):  # the last convolution of each net writes the same three channels
        parts = [getattr(net.conv_last, name) / 2 for net in (first, second)]
        getattr(both.conv_last, name).copy_(torch.cat(parts, 1) if name == "weight" else sum(parts))
    return both


def conv_body_rate(small: L2HNet, num_blocks: int) -> float:
    """How much smaller the weights of ``conv_body`` are in a grown net: the key ``conv_body_rate`` of its training."""
    return float((1 + RESIDUAL_SCALE) ** (small.num_blocks - num_blocks))


def _copy_weights(small: L2HNet, large: L2HNet, feature: int = 0, growth: int = 0) -> None:
    """Writes a small net into the channels of a large one, from the given one of its features and growth channels."""
    for name, old in small.named_modules():
        if isinstance(old, nn.Conv2d):
            new = large.get_submodule(name)
            assert isinstance(new, nn.Conv2d)
            assert old.bias is not None
            assert new.bias is not None
            inside = name.startswith("body.")
            place = int(name[-1]) if inside else 0  # 1 to 5: of the convolutions of a dense block
            start = 0 if name == "conv_last" else growth if 1 <= place < 5 else feature
            outputs = slice(start, start + old.out_channels)
            inputs: list[int] = []
            if name == "conv_first":
                inputs += range(old.in_channels)
            else:  # reads the features, and all that the convolutions before it added
                inputs += range(feature, feature + small.num_features)
            for index in range(place - 1):
                start = large.num_features + index * large.growth_channels + growth
                inputs += range(start, start + small.growth_channels)
            new.weight[outputs] = 0
            new.weight[outputs, inputs] = old.weight
            new.bias[outputs] = old.bias


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("model", help="a shipped model, a weight file or a run's checkpoint")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weight file (.safetensors), fp32")
    for size in ("blocks", "features", "growth"):
        parser.add_argument(f"--{size}", type=int, help="size of the new net (default: that of the model)")
    parser.add_argument("--beside", help="another model, of the same number of blocks, whose channels are added")
    parser.add_argument("--seed", type=int, default=0, help="seed of the new weights (%(default)s)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        models = [load_model(name) for name in (arguments.model, arguments.beside) if name is not None]
        small = put_beside(*(model.net for model in models)) if len(models) == 2 else models[0].net
        sizes = (
            small.num_blocks if arguments.blocks is None else arguments.blocks,
            small.num_features if arguments.features is None else arguments.features,
            small.growth_channels if arguments.growth is None else arguments.growth,
        )
        large = grow(small, *sizes, arguments.seed)
        data = dict.fromkeys(model.metadata.get("training_data", NOT_KNOWN) for model in models)
        metadata = {"name": arguments.output.stem, "training_data": "; ".join(data)}
        save_model(arguments.output, large, metadata, dtype=torch.float32)
    print(arguments.output)
    print(f"train it with conv_body_rate = {conv_body_rate(small, large.num_blocks):.4g}")


if __name__ == "__main__":
    main()
