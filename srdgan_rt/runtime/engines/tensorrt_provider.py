"""Finds or builds the TensorRT engine of a model, loads it, and compares it with fp32 and with other engines."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from functools import cached_property, partial

import torch

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import FORMS
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.engines import torch as torch_engine
from srdgan_rt.runtime.engines.tensorrt_backend import TensorRTBackend, plan_profile
from srdgan_rt.tensorrt import ENGINE_NAME
from srdgan_rt.tensorrt.accuracy import Run, check_accuracy, is_accurate
from srdgan_rt.tensorrt.cache import EngineCache
from srdgan_rt.tensorrt.cuda import CudaDevice, TensorRTRuntime
from srdgan_rt.tensorrt.device import Device, Runtime
from srdgan_rt.tensorrt.figures import Figures, find_figures, keep_figures
from srdgan_rt.tensorrt.files import StoredEngine
from srdgan_rt.tensorrt.library import find_library
from srdgan_rt.tensorrt.speed import SIDE, measure_seconds
from srdgan_rt.tensorrt.targets import name_target
from srdgan_rt.tensorrt.task import DEFAULT_FORM, BuildTask, plan_build

logger = logging.getLogger("srdgan_rt")


class EngineProvider:
    """The way of one engine from the folder of engines, or from nothing, to pictures.

    Args:
        model: the network.
        device: a CUDA device.
        precision: of the engine.
        plan: makes the task for a ``form``.
        runtime: loads the engine.
        gpu: runs it.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        precision: str,
        *,
        plan: Callable[..., BuildTask],
        runtime: Runtime,
        gpu: Device,
    ) -> None:
        self._model = model
        self._device = device
        self._precision = precision
        self._plan = plan
        self._runtime = runtime
        self._gpu = gpu
        self._cache = EngineCache()
        self._stored: StoredEngine | None = None

    def find(self) -> bool:
        """Looks for an engine of either form that is kept already.

        Raises:
            InputError: the weights do not fit the precision.
        """
        self._stored = self._cache.find(self._task.recipe)
        for form in FORMS:  # a graph is written only if no engine of the forms before it is there
            if self._stored is None and form != DEFAULT_FORM:
                self._stored = self._cache.find(self._plan(form=form).recipe)
        return self._stored is not None

    def build(self, *, background: bool = False) -> None:
        """Builds an engine of the default form and keeps it; nothing of it needs the GPU.

        Args:
            background: leave the processor to other work.

        Raises:
            BackendUnavailableError: TensorRT refuses; the message says why.
        """
        build = partial(self._task.build, background=background)
        self._stored = self._cache.fetch(self._task.recipe, build)

    @cached_property
    def _task(self) -> BuildTask:
        return self._plan(form=DEFAULT_FORM)

    def open(self) -> TensorRTBackend:
        """Loads the engine, and compares it with fp32 if this GPU has not run it before.

        Raises:
            BackendUnavailableError: TensorRT refuses, or the engine is wrong.
        """
        backend, _ = self._open(self._need())
        return backend

    def challenge(self, rival: Backend) -> TensorRTBackend | None:
        """Loads the engine if it is right and at least as fast as another one; what was measured is kept.

        Args:
            rival: serves without this engine.

        Returns:
            The engine; None if it is known from an earlier trial that it is wrong or slower.

        Raises:
            BackendUnavailableError: it was found now that TensorRT refuses, or that the engine is wrong or slower.
        """
        stored = self._need()
        known = find_figures(stored, self._gpu.name)
        if known is not None and not (is_accurate(known, stored.manifest.recipe) and _wins(known, rival.name)):
            return None
        backend, figures = self._open(stored)
        if rival.name not in figures.seconds:
            runs: dict[str, Run] = {ENGINE_NAME: backend.run, rival.name: rival.run}
            seconds = measure_seconds(runs, stored.manifest.recipe.profile)
            figures = dataclasses.replace(figures, seconds=seconds)
            keep_figures(stored, self._gpu.name, figures)
        if not _wins(figures, rival.name):
            mine, others = (1000 * figures.seconds[name] for name in (ENGINE_NAME, rival.name))
            raise BackendUnavailableError(
                f"it is slower than {rival.name} here: {mine:.1f} ms against {others:.1f} ms for {SIDE} x {SIDE} pixels"
            )
        return backend

    def _need(self) -> StoredEngine:
        if self._stored is None:
            raise BackendUnavailableError("the TensorRT engine was not built")
        if not self._gpu.driver:  # what was measured or compiled may be of another one, so nothing is read or kept
            return dataclasses.replace(self._stored, files=None)
        return self._stored

    def _open(self, stored: StoredEngine) -> tuple[TensorRTBackend, Figures]:
        backend = TensorRTBackend(self._model.spec, self._device, self._precision, stored, self._runtime, self._gpu)
        return backend, check_accuracy(backend.run, self._make_reference, stored, self._gpu.name)

    def _make_reference(self) -> Run:
        return torch_engine.create(self._model, self._device, "fp32").run


def _wins(figures: Figures, rival: str) -> bool:
    """Whether an engine is at least as fast as another one, or was never compared with it."""
    return figures.seconds.get(ENGINE_NAME, 0.0) <= figures.seconds.get(rival, float("inf"))


def open_provider(model: Model, device: torch.device, precision: str) -> EngineProvider:
    """The provider for a CUDA device of this machine.

    Raises:
        BackendUnavailableError: TensorRT cannot be loaded.
    """
    library = find_library()
    gpu = CudaDevice(device)
    memory = torch.cuda.get_device_properties(device).total_memory
    plan = partial(
        plan_build,
        model,
        precision=precision,
        profile=plan_profile(model.spec, precision, memory),
        targets=(name_target(device),),
        library=library,
        gpu=gpu.gpu,
        driver=gpu.driver,
    )
    runtime = TensorRTRuntime(library, device)
    return EngineProvider(model, device, precision, plan=plan, runtime=runtime, gpu=gpu)


def open_backend(model: Model, device: torch.device, precision: str) -> TensorRTBackend:
    """Finds the engine or builds it now, loads it, and compares it with fp32 if this GPU has not run it before.

    Raises:
        BackendUnavailableError: TensorRT refuses, or the engine is wrong.
        InputError: the weights do not fit the precision.
    """
    provider = open_provider(model, device, precision)
    if not provider.find():
        logger.warning("building a TensorRT engine, once; it is kept in %s", EngineCache().folder)
        provider.build()
    return provider.open()
