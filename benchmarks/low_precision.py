"""Measures the loss of quality by int8 and bf16: ``python -m benchmarks.low_precision -n MODEL DIR...``.

Enlarges data sets with the op ``l2h_net`` in float32, in int8 (with the ranges beside the model's weights) and, where
there is AMX, in bf16, as the engine ``native`` does. Scores all as ``srdgan-rt evaluate`` does, and prints how far the
8-bit values are from those of float32. Without VNNI, other instructions compute the same bytes, but more slowly.

``--peers`` does the same with other engines, which compute the same convolutions in int8. Each is calibrated on the
very picture that it enlarges, so a calibration on other pictures cannot be better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.command import run_benchmark
from srdgan_rt import _ext
from srdgan_rt.bench.engines import precision_of
from srdgan_rt.bench.peers import PEERS, Run
from srdgan_rt.checkpoint import DEFAULT_MODEL, Model, load_model
from srdgan_rt.errors import SrdganError
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.metrics import DataSet, evaluate_data_set, open_data_set
from srdgan_rt.metrics.baselines import Method
from srdgan_rt.metrics.datasets import Sample
from srdgan_rt.models import L2HNet
from srdgan_rt.ops import l2h_net
from srdgan_rt.pixels import to_float32
from srdgan_rt.runtime.engines.native import pack_net
from training.cli.parser import CommandParser

LEVELS = 8
"""The last column counts values that differ by more."""

Picture: TypeAlias = NDArray[np.uint8]


def make_method(run: Run, scale: int, border: int, results: list[Picture]) -> Method:
    """Enlarges a sample, mirrored at its border by so many pixels, and keeps the result."""

    def method(sample: Sample) -> Picture:
        grey = sample.low.ndim == 2
        low = torch.from_numpy(to_float32(np.atleast_3d(sample.low))).permute(2, 0, 1)[None]
        result = run(F.pad(low.expand(1, 3, -1, -1), 4 * [border], mode="reflect"))
        border_out = scale * border
        planes = result[0, :, border_out : result.shape[2] - border_out, border_out : result.shape[3] - border_out]
        pixels = (planes.mean(0) if grey else planes.permute(1, 2, 0)).clamp(0, 1)
        results.append(convert_depth(pixels.numpy(), np.uint8))
        return results[-1]

    return method


def run_peer(name: str, net: L2HNet, x: Tensor) -> Tensor:
    """Builds a peer for a batch, and runs it."""
    return PEERS[name](net, x, torch.get_num_threads())(x)


def describe_differences(one: list[Picture], other: list[Picture]) -> str:
    """Cells of the table: root mean square and largest difference, and the share above ``LEVELS`` in millionths."""
    apart = np.concatenate([np.abs(a.astype(np.int16) - b).ravel() for a, b in zip(one, other, strict=True)])
    rms = float(np.sqrt(np.mean(np.square(apart, dtype=np.float64))))
    return f"{rms:.2f} | {apart.max()} | {1e6 * np.mean(apart > LEVELS):.0f}"


def make_engines(model: Model, peers: Sequence[str]) -> dict[str, Run]:
    """The op in float32, int8 and bf16, and peers, by name."""
    names = {"fp32": "fp32", "native int8": "int8", **({"native bf16": "bf16"} if _ext.has_fast_bf16() else {})}
    ours: dict[str, Run] = {
        name: partial(l2h_net, net=pack_net(model.net, precision, model.ranges)) for name, precision in names.items()
    }
    return ours | {name: partial(run_peer, name, model.net) for name in peers}


def print_rows(data_set: DataSet, engines: Mapping[str, Run], scale: int, border: int) -> None:
    """A row for each engine but the first, which the others are compared with.

    Raises:
        SrdganError: a picture cannot be read or enlarged.
    """
    results: dict[str, list[Picture]] = {name: [] for name in engines}
    methods = {name: make_method(run, scale, border, results[name]) for name, run in engines.items()}
    evaluation = evaluate_data_set(data_set, methods)
    if evaluation.failures:
        failure = evaluation.failures[0]
        raise SrdganError(f"{failure.picture}: {failure.error}") from failure.error
    scores = {name: score for name in methods if (score := evaluation.mean(name)) is not None}
    for name in list(engines)[1:]:
        pair = [scores["fp32"], scores[name]]
        cells = " | ".join(f"{score.psnr:.2f} / {score.ssim:.4f}" for score in pair)
        differences = describe_differences(results["fp32"], results[name])
        figures = f"{cells} | {pair[1].psnr - pair[0].psnr:+.3f} | {differences}"
        print(f"| {data_set.name} | {name} | {figures} |", flush=True)


def print_table(folders: Sequence[Path], name: str, peers: Sequence[str]) -> None:
    """All rows, and their head."""
    data_sets = [open_data_set(folder) for folder in folders]
    model = load_model(name, with_ranges=True)
    engines = make_engines(model, peers)
    apart = f"levels apart: rms | largest | more than {LEVELS}, of a million"
    print(f"| data set | engine | fp32 | result | difference, dB | {apart} |\n|---|---|---|---|---|---|---|---|")
    for data_set in data_sets:
        print_rows(data_set, engines, model.net.scale, model.spec.border_padding)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="data sets")
    parser.add_argument(
        "-n", "--model", default=DEFAULT_MODEL, help="shipped model or weight file (default: %(default)s)"
    )
    peers = [name for name in PEERS if precision_of(name) == "int8"]
    parser.add_argument(
        "--peers", nargs="+", choices=peers, default=[], metavar="PEER", help=f"also {', '.join(peers)}"
    )
    run_benchmark(
        parser, lambda arguments: print_table(arguments.folders, arguments.model, arguments.peers), native=True
    )


if __name__ == "__main__":
    main()
