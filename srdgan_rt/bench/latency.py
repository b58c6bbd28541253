"""Latency: how long pictures take one by one, from the start of a program to the slowest of them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from srdgan_rt.errors import BackendUnavailableError

PROGRAMS = ("Session", "Upscaler")

# Not a module of this package, whose import loads PyTorch: that is part of what is measured.
_PROGRAM = """
import json, sys, time
begin = time.perf_counter()
sys.excepthook = lambda kind, error, trace: print(str(error) or kind.__name__, file=sys.stderr)
sys.path[:], (program, model, height, width, roi, threads, seconds, rounds) = json.loads(sys.argv[1])
import numpy as np
picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
roi = None if roi is None else tuple(roi)
if program == "Session":
    from srdgan_rt.session import Session
    session = Session(model, threads=threads)
    session.configure(height, width, roi=roi)
    out = session.make_output()
    enlarge = lambda: session.process(picture, out)
else:
    import torch
    torch.set_num_threads(threads)
    from srdgan_rt import Upscaler
    upscaler = Upscaler(model, device="cpu")
    enlarge = lambda: upscaler.upscale(picture, roi=roi)
enlarge()
times = [time.perf_counter() - begin]
while len(times) <= rounds if rounds is not None else (len(times) <= 3 or sum(times[1:]) < seconds):
    start = time.perf_counter()
    enlarge()
    times.append(time.perf_counter() - start)
memory = None
try:
    with open("/proc/self/status") as status:
        memory = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
except OSError:
    pass
print(json.dumps([times, memory]))
"""


@dataclass(frozen=True)
class Zoom:
    """A picture, and the region of it that is enlarged.

    Args:
        width: columns of the picture.
        height: rows of the picture.
        roi: ``(x, y, width, height)``; None is the whole picture.
    """

    width: int
    height: int
    roi: tuple[int, int, int, int] | None = None

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}"
        return size if self.roi is None else f"{self.roi[2]}x{self.roi[3]} of {size}"


TYPICAL_ZOOMS = (
    Zoom(252, 189),
    Zoom(1008, 756),
    Zoom(1920, 1080, (720, 405, 480, 270)),
    Zoom(4032, 3024, (1512, 1134, 1008, 756)),
)
"""A preview and a photograph enlarged to 12 megapixels; the middle of a video frame and of a photograph, at zoom 4."""


@dataclass(frozen=True)
class Latency:
    """Times of one program, in milliseconds of the clock.

    Args:
        program: one of :data:`PROGRAMS`.
        zoom: what was enlarged.
        num_threads: threads that computed.
        first_ms: from the start of the process's own code to its first result: import, load, first picture.
        frames_ms: each later picture.
        peak_memory_mib: peak memory of the process, Python included; None where unknown.
    """

    program: str
    zoom: Zoom
    num_threads: int
    first_ms: float
    frames_ms: tuple[float, ...]
    peak_memory_mib: float | None

    def percentile(self, percent: float) -> float:
        """The time that so many per cent of the pictures do not exceed."""
        return sorted(self.frames_ms)[max(math.ceil(percent / 100 * len(self.frames_ms)), 1) - 1]

    def to_dict(self) -> dict[str, object]:
        """All fields, and the percentiles, for JSON."""
        percentiles = {f"p{percent}_ms": self.percentile(percent) for percent in (50, 95, 99)}
        return {**asdict(self), **percentiles}


def measure_latencies(
    model: str, zooms: tuple[Zoom, ...], num_threads: int, *, seconds: float, rounds: int | None
) -> Iterator[Latency]:
    """Measures every program with every zoom, each in a process of its own.

    Args:
        model: name or path, as for ``Session``.
        zooms: what to enlarge.
        num_threads: threads that compute.
        seconds: time to spend on pictures after the first; at least three are enlarged.
        rounds: exact number of pictures after the first, instead of ``seconds``.

    Raises:
        BackendUnavailableError: a process failed; the message ends with the last line of its error.
    """
    for zoom in zooms:
        for program in PROGRAMS:
            work = [program, model, zoom.height, zoom.width, zoom.roi, num_threads, seconds, rounds]
            child = subprocess.run(
                [sys.executable, "-c", _PROGRAM, json.dumps([sys.path, work])],
                env={**os.environ, "OMP_NUM_THREADS": str(num_threads)},
                capture_output=True,
                text=True,
                check=False,
            )
            if child.returncode != 0:
                reason = (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1]
                raise BackendUnavailableError(f"{program} cannot enlarge {zoom}: {reason}")
            times, memory = json.loads(child.stdout.splitlines()[-1])
            first, *frames = (1000 * value for value in times)
            yield Latency(program, zoom, num_threads, first, tuple(frames), memory)
