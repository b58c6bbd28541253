"""Times the op ``l2h_net`` in float32, int8 and, where there is AMX, bf16, in turn:
``python -m benchmarks.low_precision_speed``.

int8 works on any processor: without VNNI, other instructions compute the same bytes. Ranges are measured on a small
sample; they do not change the time. Only a quiet machine gives times worth keeping.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Mapping

import torch

from benchmarks.command import run_benchmark
from benchmarks.ratios import write_head, write_row
from srdgan_rt import _ext, ops
from srdgan_rt.bench.machine import describe_machine
from srdgan_rt.bench.nets import open_model
from srdgan_rt.bench.sample import make_sample
from srdgan_rt.bench.timing import Timing, time_interleaved
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import measure_ranges
from srdgan_rt.runtime.engines.native import pack_net
from training.cli.parser import CommandParser

NETS = ("25x64x32", "srdgan-x4-fast")
SIZES = (128, 256)
_RANGES_SIDE = 32


def pack_all(net: L2HNet) -> dict[str, ops.PackedL2HNet]:
    """A net packed for ``fp32``, ``int8`` and, where that is fast, ``bf16``."""
    ranges = measure_ranges(net, [make_sample(_RANGES_SIDE, _RANGES_SIDE)])
    precisions = ["fp32", "int8", *(["bf16"] if _ext.has_fast_bf16() else [])]
    return {precision: pack_net(net, precision, ranges) for precision in precisions}


def time_all(packed: Mapping[str, ops.PackedL2HNet], side: int, *, seconds: float) -> dict[str, Timing]:
    """Times of each for a square picture of ``side`` pixels, with torch's number of threads."""
    sample = make_sample(side, side)
    for one in packed.values():
        ops.l2h_net(sample, one)  # warm
    cases = {name: lambda one=one: ops.l2h_net(sample, one) for name, one in packed.items()}
    return time_interleaved(cases, seconds=seconds)


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each net, size and number of threads."""
    nets = {name: open_model(name).net for name in arguments.nets}
    fast = "with" if _ext.has_fast_int8() else "without"
    print(f"{datetime.date.today().isoformat()}, {describe_machine()}, {fast} instructions for int8")
    print("milliseconds, the fastest run\n")
    all_packed = {name: pack_all(net) for name, net in nets.items()}
    names = list(next(iter(all_packed.values())))
    print(write_head(["net, LR size", "threads"], names))
    for name, packed in all_packed.items():
        for side in arguments.sizes:
            for threads in arguments.threads:
                torch.set_num_threads(threads)
                timings = time_all(packed, side, seconds=arguments.seconds)
                times = [1000 * timings[precision].minimum for precision in names]
                print(write_row([f"{name}, {side}×{side}", str(threads)], times, 1), flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--nets", nargs="+", default=NETS, metavar="NET", help="models, or BLOCKSxFEATURESxGROWTH")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="SIDE", help="LR pixels a side")
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1], metavar="N")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each engine (default: %(default)s)")
    run_benchmark(parser, print_table, native=True)


if __name__ == "__main__":
    main()
