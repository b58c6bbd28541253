"""Nets, and the CUDA backend on the CPU, for tests of several folders."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from simt_library import ROOT, build, load_op, why_not
from torch import Tensor

from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.engines.cuda_library import CudaLibrary


def load_library() -> CudaLibrary:
    """The backend on the CPU, with its op; skips the test where it cannot be built."""
    return CudaLibrary(load_path())


def load_path() -> Path:
    """The library of :func:`load_library`."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    path = build(ROOT / "build" / "simt")
    load_op(path)
    return path


def compute_exactly(net: L2HNet, x: Tensor) -> Tensor:  # (N, 3, H, W), any type -> float64
    """The network in float64."""
    exact = copy.deepcopy(net).to(torch.float64)
    with torch.inference_mode():
        result: Tensor = exact(x.to(torch.float64))
    return result


def measure_psnr(a: Tensor, b: Tensor) -> float:
    """In dB, for a range of 1."""
    return float(-10 * torch.log10((a.to(torch.float64) - b).square().mean()))
