"""Convolutions in fp32 on a GPU without TF32, to which PyTorch rounds their inputs by default (10 bits of 23)."""

from __future__ import annotations

import threading
from typing import Any

import torch

_convolutions: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]  # PyTorch makes it at run time


class _WithoutTF32:
    """While it is entered, convolutions of PyTorch on a GPU take fp32 as it is.

    PyTorch has one setting for the whole process. Threads may enter at the same time, and one thread may enter twice:
    the first one notes the setting, the last one restores it. Meanwhile PyTorch refuses to read the older
    ``torch.backends.cudnn.allow_tf32``. Afterwards only ``torch.backends.cudnn.conv.fp32_precision`` changes
    convolutions, no setting above it: PyTorch cannot undo that this one was made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_inside = 0
        self._former = ""

    def __enter__(self) -> None:
        with self._lock:
            if self._num_inside == 0:
                # The older allow_tf32 = False does not overrule torch.backends.fp32_precision = "tf32".
                self._former = _convolutions.fp32_precision
                _convolutions.fp32_precision = "ieee"
            self._num_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                _convolutions.fp32_precision = self._former


without_tf32 = _WithoutTF32()
"""Use it as ``with without_tf32:``."""
