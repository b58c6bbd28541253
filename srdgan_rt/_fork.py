"""Makes forked processes safe: the parent's threads do not exist in them, and they would wait for them forever.

Only work of this package is noticed. A program that runs PyTorch itself before it forks must call
``torch.set_num_threads(1)`` in the new process, as always with PyTorch.
"""

from __future__ import annotations

import logging
import os
import sys

import torch

logger = logging.getLogger("srdgan_rt")

_threads_have_run = False


def note_threads() -> None:
    """Notes that PyTorch's threads are about to be used; called before the first such work.

    A process that is forked later runs PyTorch, and so the native engine, on one thread, and does not wait for threads
    that only the parent has. A process that is spawned uses all threads.
    """
    global _threads_have_run
    _threads_have_run = True


def _use_one_thread() -> None:
    if _threads_have_run:
        torch.set_num_threads(1)
        logger.info("forked after use: this process computes on one thread; spawned processes use all")


_opencv_threads = 0


def _end_opencv_threads() -> None:
    """Ends OpenCV's threads before a fork: the new process could neither use nor end them."""
    global _opencv_threads
    opencv = sys.modules.get("cv2")
    _opencv_threads = 0 if opencv is None else opencv.getNumThreads()
    if opencv is not None:
        opencv.setNumThreads(1)


def _restore_opencv_threads() -> None:
    opencv = sys.modules.get("cv2")
    if opencv is not None and _opencv_threads:
        opencv.setNumThreads(_opencv_threads)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_end_opencv_threads, after_in_parent=_restore_opencv_threads, after_in_child=_use_one_thread
    )
