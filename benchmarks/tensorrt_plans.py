"""Counts what TensorRT-RTX makes of both forms of a network, from the engines themselves; no GPU is needed.

    python -m benchmarks.tensorrt_plans -n srdgan-x4-fast 25x64x32

Kernels, those that only concatenate, bytes read and written per pixel of the input (each map once), memory of the
activations per pixel, size of the file, CPU time of the build, and seconds that a user waits for it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

from benchmarks.command import run_benchmark
from benchmarks.tables import write_table
from srdgan_rt.bench.nets import open_model
from srdgan_rt.checkpoint import Model
from srdgan_rt.export import FORMS, QUANTIZED, measure_input_ranges
from srdgan_rt.runtime.engines.tensorrt_backend import plan_profile
from srdgan_rt.tensorrt.accuracy import make_probes
from srdgan_rt.tensorrt.layers import count_layers
from srdgan_rt.tensorrt.library import Library, find_library
from srdgan_rt.tensorrt.targets import PRECISIONS, parse_targets
from srdgan_rt.tensorrt.task import plan_build
from training.cli.parser import CommandParser

HEADINGS = (
    "net",
    "form",
    "kernels",
    "concatenations",
    "bytes moved",
    "by concatenations",
    "activations",
    "MB",
    "CPU s",
    "wall s",
)


def measure(name: str, model: Model, form: str, precision: str, targets: Sequence[str], library: Library) -> list[str]:
    """One row: builds an engine and counts. For int8 and fp8, ranges are measured on the accuracy gate's probes."""
    start = time.perf_counter()
    profile = plan_profile(model.spec, precision)
    ranges = measure_input_ranges(model.net, make_probes(96, 96).values()) if precision in QUANTIZED else None
    task = plan_build(
        model, precision=precision, profile=profile, targets=targets, library=library, form=form, ranges=ranges
    )
    before = _cpu_seconds()
    built = task.build()
    counts = count_layers(built.layers)
    return [
        name,
        form,
        f"{counts.kernels:,}",
        f"{counts.concatenations:,}",
        f"{counts.bytes_per_pixel:,}",
        f"{counts.concatenated_bytes_per_pixel / counts.bytes_per_pixel:.0%}",
        "?" if built.activation_bytes is None else f"{built.activation_bytes / profile.largest**2:,.0f}",
        f"{len(built.plan) / 1e6:.1f}",
        f"{_cpu_seconds() - before:.1f}",
        f"{time.perf_counter() - start:.1f}",
    ]


def _cpu_seconds() -> float:
    """CPU time of the processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each net and form."""
    models = {name: open_model(name) for name in arguments.nets}
    precision, targets, library = arguments.precision, parse_targets(arguments.arch), find_library()
    forms = ("concat",) if precision in QUANTIZED else FORMS
    rows = [measure(*model, form, precision, targets, library) for model in models.items() for form in forms]
    print(f"{library.name} {library.version}, {precision}, {', '.join(targets)}\n")
    print(write_table(HEADINGS, rows))


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("-n", "--nets", nargs="+", default=["srdgan-x4-fast", "25x64x32"], help="models, or sizes")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp16")
    parser.add_argument("--arch", default="sm80,sm86,sm89,sm120", help="GPUs, as srdgan-rt engine build takes them")
    run_benchmark(parser, print_table)


if __name__ == "__main__":
    main()
