"""Measures how soon and with how much memory a program gets its first picture, with ``Session`` and ``Upscaler``.

    python -m benchmarks.session [-n MODEL] [--size 256] [--runs 5]

Each run is a process of its own that imports numpy and the package, loads the model and enlarges a square of noise.
Times are of a processor (user and system), because other programs disturb the clock; memory is the largest resident
set of the process. The median of the runs is printed. A row for the import of numpy alone shows what is not ours.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics

from benchmarks.child import run_python
from benchmarks.command import run_benchmark
from training.cli.parser import CommandParser

_PROGRAMS = {
    "numpy alone": "",
    "Session": "from srdgan_rt.session import Session; upscale = Session({model!r}, threads={threads}).upscale",
    "Upscaler": "from srdgan_rt import Upscaler; upscale = Upscaler({model!r}, device='cpu').upscale",
}
_FRAME = """
import json, resource, time
import numpy as np
picture = np.random.default_rng(0).integers(0, 256, ({size}, {size}, 3), np.uint8)
{program}
marks = [time.process_time()]
for _ in range(2 if {measured} else 0):
    upscale(picture)
    marks.append(time.process_time())
print(json.dumps(marks + [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measure(name: str, model: str, size: int, threads: int) -> list[float]:
    """CPU seconds until the model is loaded, of the first and of the second picture, and MiB.

    Raises:
        SrdganError: the program failed.
    """
    program = _PROGRAMS[name].format(model=model, threads=threads)
    code = _FRAME.format(size=size, program=program, measured=bool(program))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    *marks, memory = json.loads(run_python(["-c", code], environment))
    loaded = marks[0]
    return [loaded, *(after - before for before, after in itertools.pairwise(marks)), memory]


def print_table(arguments: argparse.Namespace) -> None:
    """A row for each size and program."""
    print("| program | size | import and load, s | first picture, s | second picture, s | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    for size in arguments.size:
        runs: dict[str, list[list[float]]] = {name: [] for name in _PROGRAMS}
        for _ in range(arguments.runs):  # in turn, so that a busy time is everybody's
            for name in _PROGRAMS:
                runs[name].append(measure(name, arguments.model, size, arguments.threads))
        for name, rows in runs.items():
            loaded, *pictures, memory = [statistics.median(column) for column in zip(*rows, strict=True)]
            cells = [f"{value:.3f}" for value in (loaded, *pictures)] + ["–"] * (2 - len(pictures))
            print(f"| {name} | {size} | {' | '.join(cells)} | {memory:.0f} |", flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("-n", "--model", default="srdgan-x4-fast", help="name or path")
    parser.add_argument("--size", type=int, nargs="+", default=[16, 256], help="sides of the pictures")
    parser.add_argument("--runs", type=int, default=5, help="processes for each row")
    parser.add_argument("--threads", type=int, default=1, help="that compute")
    run_benchmark(parser, print_table)


if __name__ == "__main__":
    main()
