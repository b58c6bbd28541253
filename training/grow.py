"""Makes a low-to-high net larger without changing what it does: ``python -m training.grow MODEL --blocks 25 -o FILE``.

A training that starts from the larger net goes on where the smaller one stood. New channels read what is there
by random weights, and nothing reads them yet. New blocks come last, with a last convolution of zeros: each of them
multiplies what it is given by 1.2 (its shortcut around three shortcuts), which ``conv_body`` takes back. Its weights
are that much smaller than those of a net that was trained, and steps of the usual size would destroy them. So the
training needs ``conv_body_rate``, which the command prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import RESIDUAL_SCALE, L2HNet, ResidualDenseBlock
from training.cli.parser import CommandParser, one_line_errors
from training.models.initialise import initialise


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
    for name, old in small.named_modules():
        if isinstance(old, nn.Conv2d):
            new = large.get_submodule(name)
            assert isinstance(new, nn.Conv2d)
            kept = _kept_inputs(name, small, large)
            new.weight[: old.out_channels] = 0
            new.weight[: old.out_channels, kept] = old.weight
            assert old.bias is not None
            assert new.bias is not None
            new.bias[: old.out_channels] = old.bias
    for block in list(large.body)[small.num_blocks :]:
        for dense in block.children():
            assert isinstance(dense, ResidualDenseBlock)
            nn.init.zeros_(dense.conv5.weight)
    large.conv_body.weight *= conv_body_rate(small, num_blocks)
    return large


def conv_body_rate(small: L2HNet, num_blocks: int) -> float:
    """How much smaller the weights of ``conv_body`` are in a grown net: the key ``conv_body_rate`` of its training."""
    return float((1 + RESIDUAL_SCALE) ** (small.num_blocks - num_blocks))


def _kept_inputs(name: str, small: L2HNet, large: L2HNet) -> Sequence[int]:
    """Where the inputs of a convolution of the small net lie among those of the large one."""
    if name == "conv_first":
        return range(small.conv_first.in_channels)
    kept = list(range(small.num_features))
    place = name.rpartition(".conv")[2]
    if name.startswith("body."):  # reads the features, and all that the convolutions before it added
        for index in range(int(place) - 1):
            start = large.num_features + index * large.growth_channels
            kept += range(start, start + small.growth_channels)
    return kept


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("model", help="a shipped model, a weight file or a run's checkpoint")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weight file (.safetensors), fp32")
    for size in ("blocks", "features", "growth"):
        parser.add_argument(f"--{size}", type=int, help="size of the new net (default: that of the model)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the new weights (%(default)s)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        small = load_model(arguments.model).net
        sizes = (
            arguments.blocks or small.num_blocks,
            arguments.features or small.num_features,
            arguments.growth or small.growth_channels,
        )
        large = grow(small, *sizes, arguments.seed)
        save_model(arguments.output, large, {"name": arguments.output.stem}, dtype=torch.float32)
    print(arguments.output)
    print(f"train it with conv_body_rate = {conv_body_rate(small, large.num_blocks):.4g}")


if __name__ == "__main__":
    main()
