"""The process that builds an engine; ``build_engine`` starts it.

A process of its own, because TensorRT compiles for seconds without asking whether it should stop, and because a fault
in the library must not take the program with it. It loads no PyTorch. On stdin: a line of JSON (the recipe, and the
size of the graph) and the ONNX graph; when stdin ends, so does this process. On stdout: lines of JSON,
``{"progress": 0.5}`` and so on, then ``{"plan": SIZE, ...}`` and the engine, or ``{"error": "..."}``. On stderr:
whatever the library prints.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from srdgan_rt.errors import BackendUnavailableError, SrdganError
from srdgan_rt.tensorrt.library import (
    INPUT,
    Library,
    Message,
    describe_errors,
    find_library,
    first_line,
    open_logger,
)
from srdgan_rt.tensorrt.progress import PhaseTree
from srdgan_rt.tensorrt.recipe import Profile, Recipe

BACKGROUND = "--background"
"""Argument: leave the processor to other work."""

_VERBOSE = 4
_NICENESS = 10


def main() -> None:
    """Reads a task from stdin, writes the engine to stdout."""
    if BACKGROUND in sys.argv[1:]:
        os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides what ends
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the library prints must not get between the answers
    try:
        task = json.loads(sys.stdin.buffer.readline())
        recipe, graph = Recipe.from_dict(task["recipe"]), sys.stdin.buffer.read(task["graph"])
        threading.Thread(target=_end_with_parent, daemon=True).start()
        plan, messages = build_plan(find_library(), graph, recipe, _reporter(answers))
    except Exception as error:  # it has to reach the parent, whatever it is
        text = str(error) if isinstance(error, SrdganError) else f"{type(error).__name__}: {first_line(str(error))}"
        _write(answers, {"error": text})
        return
    _write(answers, {"plan": len(plan), "messages": messages})
    answers.write(plan)
    answers.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read(1)  # returns when the parent, which writes nothing more, has ended
    os._exit(1)


def _reporter(answers: BinaryIO) -> Callable[[float], bool]:
    """Sends progress, in steps of a hundredth; False once nobody reads it, which cancels the build."""
    last = -1

    def report(fraction: float) -> bool:
        nonlocal last
        if int(100 * fraction) > last:
            last = int(100 * fraction)
            try:
                _write(answers, {"progress": fraction})
            except BrokenPipeError:
                return False
        return True

    return report


def _write(answers: BinaryIO, facts: dict[str, Any]) -> None:
    answers.write(json.dumps(facts).encode() + b"\n")
    answers.flush()


def build_plan(
    library: Library, graph: bytes, recipe: Recipe, report: Callable[[float], bool]
) -> tuple[bytes, list[Message]]:
    """Builds an engine in this process.

    Args:
        library: the installed TensorRT.
        graph: an ONNX file whose types are those that shall be computed in.
        recipe: what else it shall be.
        report: is told the share that is done; False cancels.

    Returns:
        The engine and the log of the build.

    Raises:
        BackendUnavailableError: the library refuses; the message says why.
    """
    trt, logger = library.module, open_logger(library)
    logger.highest_severity = _VERBOSE
    logger.messages.clear()
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph):
        raise BackendUnavailableError(f"{library.name} cannot read the network: {describe_errors(logger.messages)}")
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # or the log does not list the layers
    config.add_optimization_profile(_make_profile(builder, recipe.profile))
    if library.is_rtx:
        config.num_compute_capabilities = len(recipe.targets)
        for index, target in enumerate(recipe.targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, target.upper()), index)
    elif hasattr(trt.BuilderFlag, "TF32"):
        config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is asked for where fp16 is not enough
    if (resize := getattr(trt.PreviewFeature, "RUNTIME_ACTIVATION_RESIZE_10_10", None)) is not None:
        config.set_preview_feature(resize, True)  # or a small tile may take the working memory of the largest
    monitor = _make_monitor(trt, report)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BackendUnavailableError(f"{library.name} cannot build the engine: {describe_errors(logger.messages)}")
    plan = bytes(memoryview(plan))
    layers = [] if library.is_rtx else _list_layers(trt, logger, plan)
    return plan, [*logger.messages, *layers]


def _network_flags(trt: Any) -> int:
    """Asks that types be those of the graph: an option in version 10, later the only way, without a flag."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _list_layers(trt: Any, logger: Any, plan: bytes) -> list[Message]:
    """The layers as a message like that which TensorRT-RTX logs; nothing where they cannot be had."""
    with suppress(Exception):  # of any type: the list is for people, the engine is whole without it
        engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
        form = trt.LayerInformationFormat.ONELINE
        return [(_VERBOSE, str(engine.create_engine_inspector().get_engine_information(form)))]
    return []


def _make_profile(builder: Any, profile: Profile) -> Any:
    shapes = [(1, 3, side, side) for side in (profile.smallest, profile.best, profile.largest)]
    made = builder.create_optimization_profile()
    made.set_shape(INPUT, *shapes)
    return made


def _make_monitor(trt: Any, report: Callable[[float], bool]) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.phases = PhaseTree()

        def phase_start(self, name: str, parent: str | None, num_steps: int) -> None:
            self.phases.start(name, parent, num_steps)

        def step_complete(self, name: str, step: int) -> bool:
            self.phases.step(name, step)
            return report(self.phases.fraction)

        def phase_finish(self, name: str) -> None:
            self.phases.finish(name)

    return Monitor()
