"""Measures how the rounding errors of the L2H net's ops grow from block to block, beside PyTorch's own.

    python -m benchmarks.rrdb_error --pictures a.png b.jpg -n MODEL [--crop 96]
    python -m benchmarks.rrdb_error --pictures a.png b.jpg --random 25 64 32

The trunk is cut after 1, 2, 4, 8, ... RRDBs. Each cut is computed in float64, by PyTorch in float32, and by
``rrdb_trunk`` from PyTorch's conv_first. Errors are those against float64, over all pictures together: of the features
divided by their root mean square, of the whole net's result (``l2h_net``) as they are, in units of its range [0, 1].
The exit status is 1 where a result is off by more than 2e-4.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.native import require_native
from srdgan_rt import _ext
from srdgan_rt.checkpoint import load_model
from srdgan_rt.errors import InputError
from srdgan_rt.image import read_picture
from srdgan_rt.models import L2HNet
from srdgan_rt.ops import l2h_net, l2h_net_pack, rrdb_trunk, rrdb_trunk_pack
from srdgan_rt.pixels import crop_centre, to_float32
from srdgan_rt.runtime.engines.native import list_layers
from training.cli.parser import CommandParser, one_line_errors

LIMIT = 2e-4
"""Largest error of a result that is accepted, in units of its range: a twentieth of a level of 8 bits."""

_CONVS_PER_RRDB = 15


@dataclass(frozen=True)
class Error:
    """Of an approximation against float64."""

    rms: float
    max: float


@dataclass(frozen=True)
class Row:
    """Both sides' errors at one place of the net."""

    place: str
    ours: Error
    torch: Error


def read_crop(path: Path, size: int) -> Tensor:  # (1, 3, size, size) float32 in [0, 1]
    """The middle of a picture.

    Raises:
        ImageReadError: it cannot be read.
        InputError: it is smaller than the crop or not RGB of 8 bits.
    """
    pixels = read_picture(path).pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InputError(f"pictures must be RGB of 8 bits, got {path.name} of {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    if min(height, width) < size:
        raise InputError(f"pictures must have at least {size}x{size} pixels, got {path.name} of {height}x{width}")
    return torch.from_numpy(to_float32(crop_centre(pixels, size))).permute(2, 0, 1)[None]


@torch.inference_mode()
def make_scaled_net(num_blocks: int, num_features: int, growth_channels: int, picture: Tensor) -> L2HNet:
    """A net of random weights that neither lose nor blow up what passes, and whose result fills [0, 1].

    Args:
        num_blocks: RRDBs.
        num_features: channels of the trunk.
        growth_channels: channels that each convolution of a dense block adds.
        picture: (1, 3, H, W); its result gets a mean of 0.5 and a standard deviation of 0.2.

    Returns:
        The net, the same at every call.
    """
    torch.manual_seed(0)
    net = L2HNet(num_blocks, num_features, growth_channels)
    for conv in net.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.kaiming_normal_(conv.weight, a=0.2)
    result = net(picture)
    factor = 0.2 / result.std()
    net.conv_last.weight.mul_(factor)
    net.conv_last.bias.sub_(result.mean()).mul_(factor).add_(0.5)  # type: ignore[union-attr]
    return net


def list_depths(num_blocks: int) -> list[int]:
    """1, 2, 4, ..., and the number of blocks."""
    return sorted({1 << i for i in range(num_blocks.bit_length())} | {num_blocks})


@torch.inference_mode()
def measure(net: L2HNet, pictures: Sequence[Tensor]) -> Iterator[Row]:
    """Yields the errors after some of the blocks, then those of the result.

    Args:
        net: float32 on the CPU.
        pictures: (1, 3, H, W) float32.
    """
    layers = list_layers(net)
    exact_net = copy.deepcopy(net).double()
    starts = [net.conv_first(picture) for picture in pictures]
    torches = list(starts)
    exacts = [exact_net.conv_first(picture.double()) for picture in pictures]
    done = 0
    for depth in list_depths(net.num_blocks):
        torches = [net.body[done:depth](x) for x in torches]
        exacts = [exact_net.body[done:depth](x) for x in exacts]
        done = depth
        trunk = rrdb_trunk_pack(layers.dense[: depth * _CONVS_PER_RRDB])
        ours = [rrdb_trunk(x, trunk) for x in starts]
        unit = _root_mean_square(exacts)
        yield Row(str(depth), compare(ours, exacts, unit), compare(torches, exacts, unit))
    packed = l2h_net_pack(layers)
    exacts = [exact_net(picture.double()) for picture in pictures]
    ours = [l2h_net(picture, packed) for picture in pictures]
    yield Row("result", compare(ours, exacts), compare([net(picture) for picture in pictures], exacts))


def compare(approximations: Sequence[Tensor], exacts: Sequence[Tensor], unit: float = 1.0) -> Error:
    """The error of some tensors together, in this unit."""
    differences = [(x.double() - exact) / unit for x, exact in zip(approximations, exacts, strict=True)]
    return Error(_root_mean_square(differences), max(float(d.abs().max()) for d in differences))


def _root_mean_square(tensors: Sequence[Tensor]) -> float:
    return float(torch.cat([x.flatten() for x in tensors]).square().mean().sqrt())


def print_table(arguments: argparse.Namespace) -> bool:
    """A row for each cut; whether the result is within the limit."""
    pictures = [read_crop(path, arguments.crop) for path in arguments.pictures]
    if arguments.random:
        num_blocks, num_features, growth_channels = arguments.random
        net = make_scaled_net(num_blocks, num_features, growth_channels, pictures[0])
    else:
        net = load_model(arguments.model).net
    net = net.float()
    print(f"{_ext.cpu_isa()}, torch {torch.__version__}, {len(pictures)} crops of {arguments.crop} pixels\n")
    print("| RRDBs | rms, ours | rms, PyTorch | max, ours | max, PyTorch |\n|---|---|---|---|---|")
    for row in measure(net, pictures):
        errors = (row.ours.rms, row.torch.rms, row.ours.max, row.torch.max)
        print(f"| {row.place} | " + " | ".join(f"{error:.1e}" for error in errors) + " |", flush=True)
    return row.ours.max <= LIMIT


def main() -> int:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True, help="photographs, RGB of 8 bits")
    parser.add_argument("--crop", type=int, default=96, help="pixels on a side, from the middle (default: 96)")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("-n", "--model", help="name or path")
    sizes = ("BLOCKS", "FEATURES", "GROWTH")
    which.add_argument("--random", type=int, nargs=3, metavar=sizes, help="random weights of these sizes")
    arguments = parser.parse_args()
    require_native(parser)
    with one_line_errors(parser):
        return 0 if print_table(arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
