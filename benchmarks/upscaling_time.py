"""Times upscaling in a process of its own: what ``benchmarks.before_after`` runs with the package of either checkout.

Nothing of the trainer or of benchmarks is imported, because an earlier commit may not have it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import numpy as np
import torch

from srdgan_rt import Upscaler


def time_upscaling(model: str, side: int, seconds: float) -> tuple[float, str]:
    """CPU seconds of the fastest of several upscalings of a square picture, and a digest of the result."""
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


if __name__ == "__main__":
    print(json.dumps(time_upscaling(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
