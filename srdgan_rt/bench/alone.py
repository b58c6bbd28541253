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

# The new process imports from where this one does; its folder, which python -c would put first, plays no part.
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
        load_seconds: from the loaded network to an engine that is ready (importing, converting, packing, compiling),
            the first in the process; nothing that an engine keeps on disk between processes helps it.
        peak_memory_mib: MiB by which the highest mark of the process rose, while the engine was made and run once,
            over what it held with PyTorch and the network loaded.
    """

    load_seconds: float | None
    peak_memory_mib: float | None


def measure_alone(engine: str, model: str, height: int, width: int, num_threads: int) -> Alone:
    """Makes and runs an engine once in a new process.

    Args:
        engine: name, as :func:`~srdgan_rt.bench.engines.build_engine` takes it.
        model: as :func:`~srdgan_rt.bench.nets.open_model` takes it.
        height: LR rows.
        width: LR columns.
        num_threads: threads of the engine.

    Returns:
        Its cost; nothing is known if the process died.
    """
    arguments = json.dumps([sys.path, [engine, model, height, width, num_threads]])
    with tempfile.TemporaryDirectory() as cache:
        child = subprocess.run(
            [sys.executable, "-c", _PROGRAM, arguments],
            env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache},  # or torch.compile finds what it has compiled before
            capture_output=True,
            text=True,
            check=False,
        )
    if child.returncode != 0:
        return Alone(None, None)
    return Alone(*json.loads(child.stdout.splitlines()[-1]))


def run_once(engine: str, model: str, height: int, width: int, num_threads: int) -> tuple[float, float | None]:
    """What the new process does: the arguments of :func:`measure_alone`, the fields of :class:`Alone`."""
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
    """MiB, or None where the system does not tell."""
    # Not resource.getrusage: its mark is inherited from the parent process.
    if not _STATUS.exists():
        return None
    status = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines())
    return int(status[field].split()[0]) / 1024
