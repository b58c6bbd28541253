"""Times a step of training on the CPU by torch's kernels and by the package's own, in turn:
``python -m benchmarks.training_step``.

A step is what ``training.train_l2h`` does with a batch: the low-to-high net forward and backward, the L1 loss, Adam and
the moving average of the weights. Making the batch is left out. ``--vgg`` adds the feature loss. Times are CPU seconds
of the process, which other programs disturb little, or with ``--wall`` those of the clock, which need a quiet machine.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.command import run_benchmark
from benchmarks.ratios import write_head, write_row
from srdgan_rt.bench.machine import describe_machine
from srdgan_rt.bench.nets import parse_sizes
from srdgan_rt.models import L2HNet
from training.cli.parser import CommandParser
from training.config import EngineConfig, StageConfig
from training.loop.engine import Engine
from training.loop.gan import TrainedNet
from training.loop.kernels import NATIVE, TORCH
from training.models.features import VGGFeatures
from training.models.losses import feature_loss

PRECISIONS = ("fp32", "bf16")
NETS = ("4x32x16", "25x64x32")
"""RRDBs x features x growth: of srdgan-x4-fast and of the paper."""

Step = Callable[[], None]


def make_step(
    net: str, kernels: str, precision: str, pictures: int, patch: int, vgg: Path | None = None, layer: str = ""
) -> Step:
    """A function that trains a new net of these sizes by one step; with a VGG, by the feature loss of a layer, too."""
    features = None if vgg is None else VGGFeatures(vgg, layer)
    engine = Engine(EngineConfig(device="cpu", kernels=kernels, precision=precision))
    spec = parse_sizes(net)
    sizes = (spec.num_blocks, spec.num_features, spec.growth_channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        trained = TrainedNet(L2HNet(*sizes), StageConfig(name=net, iterations=1), engine, L2HNet(*sizes))
        low, high = torch.rand(pictures, 3, patch, patch), torch.rand(pictures, 3, 4 * patch, 4 * patch)
    if features is not None:
        trained.kernels.add_features(features)

    def step() -> None:
        trained.optimiser.zero_grad(set_to_none=True)
        result = trained(low)
        loss = (result - high).abs().mean()
        if features is not None:
            with torch.no_grad():
                target = features(high)
            loss = loss + feature_loss(features(result), target)
        torch.autograd.backward(loss)
        trained.update(1e-4, 0)

    return step


def time_steps(steps: dict[str, Step], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """The fastest of several steps of each, in turn, in seconds; one more before them does not count."""
    fastest = dict.fromkeys(steps, float("inf"))
    for turn in range(rounds + 1):
        for name, step in steps.items():
            started = clock()
            step()
            if turn > 0:
                fastest[name] = min(fastest[name], clock() - started)
    return fastest


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each net and number of threads."""
    sizes = (arguments.batch, arguments.patch, arguments.vgg, arguments.layer)
    # The reference, torch in fp32, comes first.
    kinds = [(kernels, precision) for precision in arguments.precisions for kernels in (TORCH, NATIVE)]
    steps = {
        net: {f"{kernels} {precision}": make_step(net, kernels, precision, *sizes) for kernels, precision in kinds}
        for net in arguments.nets
    }
    clock, seconds = (time.perf_counter, "seconds") if arguments.wall else (time.process_time, "CPU seconds")
    print(f"{datetime.date.today().isoformat()}, {describe_machine()}; {seconds} of a step, the fastest;")
    losses = f", feature loss of {arguments.layer}" if arguments.vgg else ""
    print(f"{arguments.batch} patches of {arguments.patch}x{arguments.patch}{losses}\n")
    names = [f"{kernels} {precision}" for kernels, precision in kinds]
    print(write_head(["net", "threads"], names))
    for net in steps:
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            times = time_steps(steps[net], arguments.rounds, clock)
            print(write_row([net, str(threads)], [times[name] for name in names], 3), flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--nets", nargs="+", default=NETS, metavar="BLOCKSxFEATURESxGROWTH")
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="pictures (default: %(default)s)")
    parser.add_argument("--patch", type=int, default=32, metavar="SIDE", help="LR pixels (default: %(default)s)")
    parser.add_argument(
        "--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS[:1], help="of the step (default: fp32)"
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="steps of each (default: %(default)s)")
    parser.add_argument("--vgg", type=Path, metavar="FILE", help="VGG16 weights (.npz) for the feature loss")
    parser.add_argument("--layer", default="conv3_3", help="of the feature loss (default: %(default)s)")
    parser.add_argument("--wall", action="store_true", help="time by the clock")
    run_benchmark(parser, print_table, native=True)


if __name__ == "__main__":
    main()
