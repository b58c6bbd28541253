"""Times the compiled ops against PyTorch eager, interleaved in one run: ``python -m benchmarks.bench_ops --peak 155``.

Only a quiet machine gives numbers worth keeping. The GFLOP/s of upsample_conv are given three times, by what is counted
as work: the enlarged 3x3 convolution that both sides stand for (144 products per 4x4 patch of outputs), the four phase
convolutions (64), and what the kernel really does (25). % of peak is of the latter, and of --peak for each thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.command import run_benchmark
from srdgan_rt import _ext, ops
from srdgan_rt.bench.timing import Timing, time_interleaved
from training.cli.parser import CommandParser

_MIN_ROUNDS = 5


def _time(runs: dict[str, Callable[[], Tensor]], seconds: float) -> dict[str, Timing]:
    for run in runs.values():  # warm-up
        run()
    return time_interleaved(runs, seconds=seconds / len(runs), min_rounds=_MIN_ROUNDS, pause=0)


def bench_upsample_conv(channels: int, size: int, threads: int, seconds: float, peak: float) -> str:
    """One row of the table for a (1, channels, size, size) input."""
    x = torch.randn(1, channels, size, size).contiguous(memory_format=torch.channels_last)
    weight = (torch.randn(channels, channels, 3, 3) / (3 * channels**0.5)).contiguous(memory_format=torch.channels_last)
    bias = torch.randn(channels)
    layer = ops.upsample_conv_pack(weight, bias)

    def eager() -> Tensor:
        enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
        return F.leaky_relu(F.conv2d(enlarged, weight, bias, padding=1), 0.2, inplace=True)

    def compiled() -> Tensor:
        return ops.upsample_conv_packed(x, layer)

    times = _time({"torch": eager, "ours": compiled}, seconds)
    best = {name: timing.minimum for name, timing in times.items()}
    middle = {name: timing.median for name, timing in times.items()}
    gflop = 2 * channels * channels * size * size / 1e9  # one product of a pixel with a matrix
    direct, phases, done = (count / 4 * gflop / middle["ours"] for count in (144, 64, 25))
    return (
        f"| {channels}→{channels} | {size}×{size} | {threads} "
        f"| {best['torch'] * 1e3:.1f} / {middle['torch'] * 1e3:.1f} "
        f"| {best['ours'] * 1e3:.2f} / {middle['ours'] * 1e3:.2f} | {middle['torch'] / middle['ours']:.2f} "
        f"| {direct:.0f} | {phases:.0f} | {done:.0f} ({100 * done / (peak * threads):.0f} %) |"
    )


def bench_nearest_downsample(size: int, threads: int, seconds: float) -> str:
    """One row of the table for a (1, 3, size, size) byte picture, factor 4."""
    x = torch.randint(0, 256, (1, 3, size, size), dtype=torch.uint8)
    runs = {"torch": lambda: ops.reference.nearest_downsample(x, 4), "ours": lambda: ops.nearest_downsample(x, 4)}
    times = _time(runs, seconds)
    best = {name: timing.minimum * 1e3 for name, timing in times.items()}
    middle = {name: timing.median * 1e3 for name, timing in times.items()}
    return (
        f"| {size}×{size} | {threads} | {best['torch']:.3f} / {middle['torch']:.3f} "
        f"| {best['ours']:.3f} / {middle['ours']:.3f} | {middle['torch'] / middle['ours']:.2f} |"
    )


def print_tables(options: argparse.Namespace) -> None:
    """One table for each op."""
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {_ext.cpu_isa()}; times in ms, minimum / median; then GFLOP/s\n")
    print("| channels | input | threads | torch eager | upsample_conv | ratio | as direct | as phases | done |")
    print("|---|---|---|---|---|---|---|---|---|")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for channels in options.channels:
            for size in options.sizes:
                print(bench_upsample_conv(channels, size, threads, options.seconds, options.peak), flush=True)
    print("\n| input | threads | torch eager | nearest_downsample | ratio |\n|---|---|---|---|---|")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for size in (1024, 4096):
            print(bench_nearest_downsample(size, threads, options.seconds / 4), flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--channels", type=int, nargs="+", default=[64, 32])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256], help="height and width of the input")
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on each row")
    parser.add_argument("--peak", type=float, required=True, help="float32 peak of one core in GFLOP/s")
    run_benchmark(parser, print_tables, native=True)


if __name__ == "__main__":
    main()
