"""How far other programs differ from ours at the edges of pictures, because they pad with zeros.

    python -m benchmarks.rrdbnet_edges examples/phone_chart.jpg -n srdgan-x4-fast

Runs the network that ``srdgan-rt export --for spandrel`` writes as such programs do, on the upper left part of a
picture, and compares the result with that of Upscaler: the largest difference of 8-bit samples.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from srdgan_rt.checkpoint import DEFAULT_MODEL, load_model
from srdgan_rt.errors import InputError
from srdgan_rt.export import widen_growth
from srdgan_rt.models import L2HNet
from srdgan_rt.pixels import to_bytes
from srdgan_rt.runtime import Upscaler
from training.cli.parser import CommandParser, one_line_errors
from training.data.pictures import read_rgb

_SIDE = 96  # low-resolution pixels of the part
_DISTANCES = (0, 4, 8, 16)  # from the edges, in low-resolution pixels


def read_corner(path: Path) -> NDArray[np.uint8]:
    """The upper left part of a picture.

    Raises:
        ImageReadError: it cannot be read.
        InputError: it is smaller than the part.
    """
    picture = read_rgb(path)
    height, width = picture.shape[:2]
    if min(height, width) < _SIDE:
        raise InputError(f"{path} must have at least {_SIDE}x{_SIDE} pixels, has {width}x{height}")
    return picture[:_SIDE, :_SIDE]


def enlarge(net: L2HNet, picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A picture ``(H, W, 3)`` through the bare network, in 8 bits."""
    samples = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        return to_bytes(net(samples)[0].permute(1, 2, 0).numpy()).astype(np.int64)


def measure(model: str, picture: NDArray[np.uint8]) -> list[tuple[str, int]]:
    """Where, and the largest difference there in 1/255."""
    upscaler = Upscaler(model, device="cpu")
    net, scale, border = widen_growth(load_model(model).net), upscaler.spec.scale, upscaler.spec.border_padding
    expected = upscaler.upscale(picture).astype(np.int64)
    difference = np.abs(enlarge(net, picture) - expected)
    rows = []
    for distance in _DISTANCES:
        cut = scale * distance
        inner = difference[cut : difference.shape[0] - cut, cut : difference.shape[1] - cut]
        rows.append((f"at least {distance} pixels from the edges", int(inner.max())))
    padded = np.pad(picture, ((border, border), (border, border), (0, 0)), "reflect")
    cropped = enlarge(net, padded)[scale * border :, scale * border :][: expected.shape[0], : expected.shape[1]]
    return [*rows, (f"padded by {border} mirrored pixels and cropped", int(np.abs(cropped - expected).max()))]


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("picture", type=Path, help="at least 96x96 pixels")
    parser.add_argument("-n", "--model", default=DEFAULT_MODEL, help="model (%(default)s)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        for place, difference in measure(arguments.model, read_corner(arguments.picture)):
            print(f"{difference:4d}/255  {place}")


if __name__ == "__main__":
    main()
