"""Compares this checkout with another one: ``python -m benchmarks.before_after OTHER``.

OTHER is a checkout of an earlier commit with its extension built in place (``git worktree add OTHER COMMIT``, then
``python setup.py build_ext --inplace`` there). Both upscale the same random pictures, in processes of their own that
take turns. Times are CPU time of one thread, so another program disturbs them less. One process can be off by 3 %, so
the figure to look at is the ratio of the medians over several turns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIZES = (64, 128, 256)
_HERE = Path(__file__).resolve().parent.parent


def time_here(model: str, side: int, seconds: float) -> tuple[float, str]:
    """CPU seconds of the fastest of several upscalings of a square picture, and a digest of the result."""
    import numpy as np
    import torch

    from srdgan_rt import Upscaler

    torch.set_num_threads(1)
    upscaler = Upscaler(model, engine="native")
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    result = upscaler.upscale(picture)
    times: list[float] = []
    while sum(times) < seconds:
        start = time.process_time()
        upscaler.upscale(picture)
        times.append(time.process_time() - start)
    return min(times), hashlib.sha256(result.tobytes()).hexdigest()


def _time_in(checkout: Path, arguments: argparse.Namespace, side: int) -> tuple[float, str]:
    command = [sys.executable, str(Path(__file__).resolve()), str(checkout), "--model", arguments.model]
    command += ["--child", "--sizes", str(side), "--seconds", str(arguments.seconds)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    answer = subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds, digest = json.loads(answer.stdout.splitlines()[-1])
    return seconds, digest


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--model", default="srdgan-x4-fast")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, metavar="SIDE", help="LR pixels a side")
    parser.add_argument("--turns", type=int, default=7, help="processes for each checkout (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="in each process (default: %(default)s)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(time_here(arguments.model, arguments.sizes[0], arguments.seconds)))
        return
    other = arguments.other.resolve()
    if not (other / "srdgan_rt" / "_C.build.json").exists():
        parser.error(f"{other} has no extension: run python setup.py build_ext --inplace there")
    print("| LR size | other (ms) | this (ms) | this / other | results |\n|---|---|---|---|---|")
    for side in arguments.sizes:
        turns = [(_time_in(other, arguments, side), _time_in(_HERE, arguments, side)) for _ in range(arguments.turns)]
        before, after = (1000 * statistics.median(turn[i][0] for turn in turns) for i in (0, 1))
        same = len({digest for turn in turns for _, digest in turn}) == 1
        figures = f"{before:.1f} | {after:.1f} | {after / before:.3f} | {'bit-identical' if same else 'differ'}"
        print(f"| {side}×{side} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
