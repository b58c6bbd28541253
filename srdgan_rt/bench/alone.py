"""Load time and peak memory of an engine, measured in a separate process, where nothing else is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from srdgan_rt.bench.engines import build_engine
from srdgan_rt.bench.nets import open_model
from srdgan_rt.bench.sample import make_sample

_STATUS = Path("/proc/self/status")

# The new process imports from the same places as this one, and not from its current folder, as python -c would.
_PROGRAM = """
import json, sys
sys.path[:], arguments = json.loads(sys.argv[1])
from srdgan_rt.bench.alone import run_once
print(json.dumps(run_once(*arguments)))
"""


@dataclass(frozen=True)
class Alone:
    """Load time and peak memory of an engine in a separate process; None where unknown.

    Args:
        load_seconds: time from the loaded network to the ready engine (importing, converting, packing, compiling),
            without caches from earlier processes.
        peak_memory_mib: peak memory of the process while the engine was made and run once, less its memory before, with
            PyTorch and the network loaded; in MiB.
    """

    load_seconds: float | None
    peak_memory_mib: float | None


def measure_alone(engine: str, model: str, height: int, width: int, num_threads: int) -> Alone:
    """Makes and runs an engine once in a new process.

    Args:
        engine: name of the engine, as for :func:`~srdgan_rt.bench.engines.build_engine`.
        model: the model, as for :func:`~srdgan_rt.bench.nets.open_model`.
        height: LR rows.
        width: LR columns.
        num_threads: threads of the engine.

    Returns:
        Load time and memory; both None if the process failed.
    """
    arguments = json.dumps([sys.path, [engine, model, height, width, num_threads]])
    with tempfile.TemporaryDirectory() as cache:
        child = subprocess.run(
            [sys.executable, "-c", _PROGRAM, arguments],
            env={
                **os.environ,
                "TORCHINDUCTOR_CACHE_DIR": cache,
            },  # empty, so that torch.compile does not reuse earlier results
            capture_output=True,
            text=True,
            check=False,
        )
    if child.returncode != 0:
        return Alone(None, None)
    return Alone(*json.loads(child.stdout.splitlines()[-1]))


def run_once(engine: str, model: str, height: int, width: int, num_threads: int) -> tuple[float, float | None]:
    """Runs in the new process. Takes the arguments of :func:`measure_alone`, returns the fields of :class:`Alone`."""
    torch.set_num_threads(num_threads)
    net = open_model(model).net
    sample = make_sample(height, width)
    before = _read_status("VmRSS")
    start = time.perf_counter()
    run = build_engine(engine, net, sample, num_threads)
    load_seconds = time.perf_counter() - start
    run(sample)
    after = _read_status("VmHWM")
    return load_seconds, None if before is None or after is None else after - before


def _read_status(field: str) -> float | None:
    """A field of ``/proc/self/status`` in MiB; None where there is no such file."""
    # Not resource.getrusage: its peak is inherited from the parent process.
    if not _STATUS.exists():
        return None
    status = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines())
    return int(status[field].split()[0]) / 1024
