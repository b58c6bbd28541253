"""Engine ``tensorrt``: TensorRT-RTX or TensorRT on a CUDA device. It was never run on a GPU; see docs/tensorrt.md."""

from __future__ import annotations

import torch

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import InputError
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.upgrade import Candidate
from srdgan_rt.tensorrt import ENGINE_NAME
from srdgan_rt.tensorrt.library import RTX, installed_name
from srdgan_rt.tensorrt.library import why_not as why_no_library
from srdgan_rt.tensorrt.targets import PRECISIONS, RTX_TARGETS, check_precision, name_target

NAME = ENGINE_NAME


def why_not(device: torch.device, precision: str) -> str | None:
    """One line that says why TensorRT cannot be used so, or None where it can."""
    if (reason := why_no_library()) is not None:
        return reason
    if device.type != "cuda":
        return f"the tensorrt engine runs on CUDA devices only, not on {device}; engines can be built without one"
    if precision not in PRECISIONS:
        return f"the tensorrt engine computes in {', '.join(PRECISIONS)}, not in {precision}"
    target = name_target(device)
    try:
        check_precision(precision, [target])
    except InputError as error:
        return str(error)
    if installed_name() == RTX and target not in RTX_TARGETS:
        return f"tensorrt_rtx runs on {', '.join(RTX_TARGETS)}, not on {target}"
    return None


def create(model: Model, device: torch.device, precision: str) -> Backend:
    """See :func:`srdgan_rt.runtime.engines.tensorrt_provider.open_backend`."""
    # Only now: every program that enlarges imports this module, and hardly any of them uses TensorRT.
    from srdgan_rt.runtime.engines.tensorrt_provider import open_backend

    return open_backend(model, device, precision)


def propose(model: Model, device: torch.device, precision: str) -> Candidate:
    """See :func:`srdgan_rt.runtime.engines.tensorrt_provider.open_provider`."""
    from srdgan_rt.runtime.engines.tensorrt_provider import open_provider

    return open_provider(model, device, precision)
