"""Makes forked processes safe: they lack the parent's threads and would wait for them forever.

Only work of this package is noticed. A program that runs PyTorch itself before it forks has to call
``torch.set_num_threads(1)`` in its new process, as for any use of PyTorch there.
"""

from __future__ import annotations

import logging
import os
import sys

import torch

logger = logging.getLogger("srdgan_rt")

_threads_have_run = False


def note_threads() -> None:
    """To be called before the first work that PyTorch divides between threads.

    A process that is forked from then on runs PyTorch, and with it the native engine, on one thread: then nobody waits
    for threads that the fork has left behind. More threads cannot be had there; a process that is spawned has them.
    """
    global _threads_have_run
    _threads_have_run = True


def _use_one_thread() -> None:
    if _threads_have_run:
        torch.set_num_threads(1)
        logger.info("forked after use: this process computes on one thread; spawned processes use all")


_opencv_threads = 0


def _end_opencv_threads() -> None:
    """OpenCV's threads end before the fork: a process without them can neither use nor end them."""
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
