"""The list of engines. The Upscaler, the command line, ``info`` and ``bench`` all read it here."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.checks import default_cpu_precision
from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.runtime.backend import Backend, resolve_device, resolve_precision
from srdgan_rt.runtime.engines import cuda, native, onnxruntime, tensorrt
from srdgan_rt.runtime.engines import torch as torch_engine
from srdgan_rt.runtime.guard import GuardedBackend
from srdgan_rt.runtime.upgrade import EngineUpgrade

logger = logging.getLogger("srdgan_rt")


class Engine(Protocol):
    """Interface of an engine: a module of this folder."""

    @property
    def NAME(self) -> str:  # noqa: N802, a constant of the module
        """Name of the engine for users."""

    def why_not(self, device: torch.device, precision: str) -> str | None:
        """Why the engine cannot be used here with this device and precision, in one line; None where it can."""

    def create(self, model: Model, device: torch.device, precision: str) -> Backend:
        """Prepares a network; called only where :meth:`why_not` returns None."""


ENGINES: tuple[Engine, ...] = (native, cuda, torch_engine, onnxruntime, tensorrt)
"""In the order of preference: ``auto`` takes the first that can be used; ``cuda`` only on GPUs on which it was timed.

``torch`` runs on every device, so ``auto`` never takes those behind it at once: they are slower on a CPU, or were never
timed on a GPU. It upgrades to ``tensorrt`` where that proves to be right and no slower (:class:`EngineUpgrade`)."""


@dataclass(frozen=True)
class EngineStatus:
    """Whether an engine can be used.

    Args:
        name: name of the engine, as for the command line and :class:`~srdgan_rt.runtime.Upscaler`.
        precision: what it was asked for, or what it takes for ``auto``.
        reason: why it cannot be used, in one line; None where it can.
    """

    name: str
    precision: str
    reason: str | None

    @property
    def usable(self) -> bool:
        """Whether the engine can be used."""
        return self.reason is None


def list_engines(device: str | torch.device = "auto", precision: str = "auto") -> list[EngineStatus]:
    """Lists all engines, in the order of preference, and whether they can be used.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``. ``auto`` is for each engine what
            :func:`choose_engine` takes for it.

    Returns:
        The status of each engine for this device and precision.

    Raises:
        InputError: the device or precision is unknown.
        BackendUnavailableError: there is no such device here.
    """
    resolved = resolve_device(device)
    chosen = [(engine, _choose_precision(engine.NAME, resolved, precision)) for engine in ENGINES]
    return [EngineStatus(engine.NAME, its, engine.why_not(resolved, its)) for engine, its in chosen]


def _choose_precision(engine: str, device: torch.device, precision: str) -> str:
    """What ``auto`` stands for with an engine, which may be ``auto``, too; any other precision is checked."""
    if precision == "auto" and device.type == "cpu" and engine in ("auto", native.NAME):
        return default_cpu_precision(fast_bf16=native.why_not(device, "bf16") is None)
    return resolve_precision(precision, device)


@dataclass(frozen=True)
class EngineChoice:
    """An engine that can be used here, with device and precision.

    Args:
        name: name of the engine.
        device: device that it runs on.
        precision: ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``.
        may_upgrade: whether ``tensorrt`` may take over once it is built.
        instead: engine that serves if this one refuses the network; None makes that an error.
    """

    name: str
    device: torch.device
    precision: str
    may_upgrade: bool = False
    instead: str | None = None


def choose_engine(engine: str = "auto", device: str | torch.device = "auto", precision: str = "auto") -> EngineChoice:
    """Chooses the engine, device and precision.

    Args:
        engine: ``auto`` (the first that can be used) or the name of one of ``ENGINES``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``. On the CPU, ``auto`` is ``bf16`` where
            the engine ``native`` is fast in it, which nobody sees in the result, and else ``fp32``.

    Returns:
        The choice; nothing in it is ``auto``.

    Raises:
        InputError: a name is unknown.
        BackendUnavailableError: the engine is known but cannot be used here; the message says why and which can.
    """
    names = [known.NAME for known in ENGINES]
    if engine not in ("auto", *names):
        raise InputError(f"engine must be auto, {', '.join(names)}, got {engine!r}")
    resolved = resolve_device(device)
    precision = _choose_precision(engine, resolved, precision)
    reasons = {status.name: status.reason for status in list_engines(resolved, precision)}
    usable = [name for name, reason in reasons.items() if reason is None]
    if not usable:
        raise BackendUnavailableError(f"precision {precision} cannot be used: {reasons[names[0]]}")
    if engine != "auto":
        if engine not in usable:
            raise BackendUnavailableError(
                f"engine {engine} cannot be used: {reasons[engine]}; there is {', '.join(usable)}"
            )
        return EngineChoice(engine, resolved, precision)
    name, *others = [name for name in usable if name != cuda.NAME or cuda.was_timed(resolved)]
    if name != native.NAME and resolved.type == "cpu":
        _ext.warn_if_unexpected()
    may_upgrade = tensorrt.NAME in others
    return EngineChoice(name, resolved, precision, may_upgrade, others[0] if name == cuda.NAME else None)


def create_backend(model: Model, choice: EngineChoice) -> GuardedBackend:
    """Prepares a network for running with the chosen engine.

    Args:
        model: the network, with activation ranges for int8; copied.
        choice: result of :func:`choose_engine`.

    Returns:
        The backend, with a guard that recomputes bad low-precision results in fp32.

    Raises:
        BackendUnavailableError: the network cannot run on this engine; the message says why.
    """
    return open_engines(model, choice).current


def _create(name: str, model: Model, device: torch.device, precision: str) -> Backend:
    return next(engine for engine in ENGINES if name == engine.NAME).create(model, device, precision)


def open_engines(model: Model, choice: EngineChoice, *, halo: int | None = None) -> EngineUpgrade:
    """Prepares a network for running with the chosen engine, and with a better one later if there may be one.

    Args:
        model: the network, with activation ranges for int8; copied.
        choice: result of :func:`choose_engine`.
        halo: LR pixels that are read around a tile; None is the model's own value.

    Returns:
        What chooses the engine for each picture.

    Raises:
        BackendUnavailableError: the network cannot run on this engine; the message says why.
    """
    halo = model.spec.halo if halo is None else halo
    device, precision = choice.device, choice.precision
    try:
        backend = _create(choice.name, model, device, precision)
    except BackendUnavailableError as error:
        if choice.instead is None:
            raise
        logger.warning("%s; engine %s serves", error, choice.instead)
        backend = _create(choice.instead, model, device, precision)
    if precision != "fp32" or choice.may_upgrade:
        model = Model(copy.deepcopy(model.net), model.spec)  # for later, a copy which the caller cannot change

    def make_fallback() -> Backend:
        return torch_engine.create(model, device, "fp32")

    propose = partial(tensorrt.propose, model, device, precision) if choice.may_upgrade else None
    return EngineUpgrade(GuardedBackend(backend, make_fallback), make_fallback, propose, halo=halo)
