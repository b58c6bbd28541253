"""Which engines there are, which of them can be used here, and why not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.backend import Backend, resolve_device, resolve_precision
from srdgan_rt.runtime.guard import GuardedBackend
from srdgan_rt.runtime.native_backend import NativeBackend, why_not_native
from srdgan_rt.runtime.torch_backend import TorchBackend, why_not_torch

# Best first. Known to the command line, but not in this version: onnxruntime and tensorrt.
_ENGINES = ("native", "torch")
_PLANNED = ("onnxruntime", "tensorrt")


@dataclass(frozen=True)
class EngineStatus:
    """Whether an engine can be used.

    Args:
        name: as the command line and :class:`~srdgan_rt.runtime.Upscaler` take it.
        reason: why it cannot be used, one line; None where it can.
    """

    name: str
    reason: str | None

    @property
    def usable(self) -> bool:
        """Whether nothing stands in the way."""
        return self.reason is None


def list_engines(device: str | torch.device = "auto", precision: str = "auto") -> list[EngineStatus]:
    """All engines that have a name, best first.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.

    Returns:
        One status each, for this device and precision.

    Raises:
        InputError: the device or precision is unknown.
        BackendUnavailableError: there is no such device here.
    """
    resolved = resolve_device(device)
    precision = resolve_precision(precision, resolved)
    present = [EngineStatus(name, _why_not(name, resolved, precision)) for name in _ENGINES]
    return present + [EngineStatus(name, "not in this version") for name in _PLANNED]


def create_backend(
    net: L2HNet,
    *,
    engine: str = "auto",
    device: str | torch.device = "auto",
    precision: str = "auto",
    load_ranges: Callable[[], Sequence[Tensor]] | None = None,
) -> GuardedBackend:
    """Prepares a network for running.

    Args:
        net: the network; copied.
        engine: ``auto`` (the best one that can be used), ``native`` or ``torch``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        load_ranges: gives the ranges of the network's features; called for int8 only, which cannot do without.

    Returns:
        The backend, under the guard that computes bad low-precision results again in fp32.

    Raises:
        InputError: a name is unknown.
        BackendUnavailableError: it is known but cannot be used here; the message says why and what can.
    """
    if engine not in ("auto", *_ENGINES, *_PLANNED):
        raise InputError(f"engine must be auto, {', '.join(_ENGINES)}, got {engine!r}")
    resolved = resolve_device(device)
    precision = resolve_precision(precision, resolved)
    reasons = {status.name: status.reason for status in list_engines(resolved, precision)}
    usable = [name for name, reason in reasons.items() if reason is None]
    if not usable:
        raise BackendUnavailableError(f"precision {precision} cannot be used: {reasons[_ENGINES[0]]}")
    name = usable[0] if engine == "auto" else engine
    if engine == "auto" and name == "torch" and resolved.type == "cpu":
        _ext.warn_if_unexpected()
    if name not in usable:
        raise BackendUnavailableError(f"engine {name} cannot be used: {reasons[name]}; there is {', '.join(usable)}")
    backend: Backend
    if name == "native":
        ranges = None
        if precision == "int8":
            if load_ranges is None:
                raise BackendUnavailableError("int8 needs the ranges of the features, which lie beside a model's file")
            ranges = load_ranges()
        backend = NativeBackend(net, resolved, precision, ranges)
    else:
        backend = TorchBackend(net, resolved, precision)
    if precision != "fp32":
        net = copy.deepcopy(net)  # for the fallback, out of the caller's reach
    return GuardedBackend(backend, lambda: TorchBackend(net, resolved, "fp32"))


def _why_not(name: str, device: torch.device, precision: str) -> str | None:
    return why_not_native(device, precision) if name == "native" else why_not_torch(precision)
