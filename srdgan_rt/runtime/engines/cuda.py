"""Engine ``cuda``: this package's own CUDA kernels on tensor cores. See docs/cuda.md."""

from __future__ import annotations

import torch

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.runtime.backend import Backend

NAME = "cuda"
PRECISIONS = ("fp16", "bf16")
_OLDEST = (8, 0)  # compute capability: has cp.async and products of bfloat16
_TIMED = ((9, 0),)  # on an H200 it was three times as fast as PyTorch: docs/cuda.md


def why_not(device: torch.device, precision: str) -> str | None:
    """One line that says why the CUDA kernels cannot be used so, or None where they can."""
    if device.type != "cuda":
        return f"the cuda engine runs on CUDA devices only, not on {device}"
    if precision not in PRECISIONS:
        return f"the cuda engine computes in {' and '.join(PRECISIONS)}, not in {precision}"
    if (reason := _ext.why_no_cuda()) is not None:
        return reason
    capability = torch.cuda.get_device_capability(device)
    if capability < _OLDEST:
        return f"the cuda engine needs a GPU of compute capability 8.0 or more, got {_name(capability)}"
    architectures = (_ext.build_record() or {}).get("cuda_architectures") or []
    if not any(_runs_on(architecture, capability) for architecture in architectures):
        built = ", ".join(architectures)
        return (
            f"the extension was built for the GPU architectures {built}, not for {_name(capability)}: "
            f"SRDGAN_RT_CUDA={_build_name(capability)} pip install . builds it"
        )
    return None


def was_timed(device: torch.device) -> bool:
    """Whether it was compared with PyTorch on a GPU of the device's compute capability, and was faster."""
    return torch.cuda.get_device_capability(device) in _TIMED


def create(model: Model, device: torch.device, precision: str) -> Backend:
    """See :func:`srdgan_rt.runtime.engines.cuda_backend.open_backend`."""
    from srdgan_rt.runtime.engines.cuda_backend import open_backend

    return open_backend(model, device, precision)


def _runs_on(architecture: str, capability: tuple[int, int]) -> bool:
    """Whether code that was built for an architecture, such as ``86``, ``90+PTX`` or ``90a``, runs on a GPU."""
    number, _, ptx = architecture.partition("+")
    number = number.rstrip("a")  # there is no later chip of that generation
    built = (int(number[:-1]), int(number[-1]))
    # Machine code runs on later chips of the same generation; PTX is compiled on any later one.
    return built <= capability and (built[0] == capability[0] or bool(ptx))


def _name(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _build_name(capability: tuple[int, int]) -> str:
    """What to build for a GPU: for 9.0 with the instructions that the kernel for Hopper needs."""
    return "9.0a" if capability == (9, 0) else _name(capability)
