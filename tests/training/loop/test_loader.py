"""Workers that are forked after threads have run in the process."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from training.config.engine import EngineConfig
from training.loop.loader import load_batches

PICTURE = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)


def make_batch(iteration: int) -> Tensor:
    return torch.from_numpy(cv2.bilateralFilter(PICTURE, 5, 30, 30)).sum() + iteration


def test_workers_use_opencv_after_their_parent_did() -> None:
    cv2.setNumThreads(4)
    try:
        first = int(make_batch(0))  # starts OpenCV's threads
        batches = load_batches(make_batch, range(3), EngineConfig(num_workers=2), pinned=False)
        assert [int(batch) for batch in batches] == [first, first + 1, first + 2]
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(-1)
