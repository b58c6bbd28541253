"""Which engines there are, which of them can be used here, and why not."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.runtime.backend import Backend, resolve_device, resolve_precision
from srdgan_rt.runtime.guard import GuardedBackend
from srdgan_rt.runtime.native_backend import NativeBackend, NativeUnshuffleBackend, why_not_native
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


@dataclass(frozen=True)
class EngineChoice:
    """An engine that can be used here, and how.

    Args:
        name: of the engine.
        device: where it runs.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``int8``.
    """

    name: str
    device: torch.device
    precision: str


def choose_engine(engine: str = "auto", device: str | torch.device = "auto", precision: str = "auto") -> EngineChoice:
    """Finds the engine that will do the work.

    Args:
        engine: ``auto`` (the best one that can be used), ``native`` or ``torch``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.

    Returns:
        The engine, with nothing left to be found out.

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
    if name not in usable:
        raise BackendUnavailableError(f"engine {name} cannot be used: {reasons[name]}; there is {', '.join(usable)}")
    return EngineChoice(name, resolved, precision)


def create_backend(model: Model, choice: EngineChoice) -> GuardedBackend:
    """Prepares a network for running.

    Args:
        model: the network, with the ranges of its features if it is to run in int8; copied.
        choice: from :func:`choose_engine`.

    Returns:
        The backend, under the guard that computes bad low-precision results again in fp32.

    Raises:
        BackendUnavailableError: the network cannot run so; the message says why.
    """
    net, device, precision = model.net, choice.device, choice.precision
    backend: Backend
    if choice.name == "native" and net.unshuffle > 1:
        if precision == "int8":
            raise BackendUnavailableError("the native engine has no int8 for networks with pixel-unshuffle")
        backend = NativeUnshuffleBackend(net, device)
    elif choice.name == "native":
        if precision == "int8" and model.ranges is None:
            raise BackendUnavailableError("int8 needs the ranges of the features, which lie beside a model's file")
        backend = NativeBackend(net, device, precision, model.ranges if precision == "int8" else None)
    else:
        backend = TorchBackend(net, device, precision)
    if precision != "fp32":
        net = copy.deepcopy(net)  # for the fallback, out of the caller's reach
    return GuardedBackend(backend, lambda: TorchBackend(net, device, "fp32"))


def _why_not(name: str, device: torch.device, precision: str) -> str | None:
    return why_not_native(device, precision) if name == "native" else why_not_torch(precision)
