"""Builds an engine in a process of its own, which Ctrl-C ends at once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import measure_scales
from srdgan_rt.tensorrt.layers import Layer, read_layers
from srdgan_rt.tensorrt.library import Message
from srdgan_rt.tensorrt.recipe import Recipe
from srdgan_rt.tensorrt.worker import BACKGROUND

_START = "import sys; sys.path[:] = filter(None, sys.path); from srdgan_rt.tensorrt.worker import main; main()"
"""The child's program. First of all it gives up the current folder, which Python puts at the beginning of its path: a
folder of pictures may hold a ``signal.py``."""

Report = Callable[[float], None]
"""Told the share of a build that is done, 0 to 1."""


@dataclass(frozen=True)
class BuiltEngine:
    """A finished engine.

    Args:
        plan: what TensorRT loads.
        activation_bytes: memory that a run takes with the largest input; None where the log does not say.
        layers: as the log of the build lists them.
    """

    plan: bytes = field(repr=False)
    activation_bytes: int | None
    layers: Sequence[Layer] = field(repr=False)


def build_engine(
    graph: bytes, recipe: Recipe, report: Report | None = None, *, background: bool = False
) -> BuiltEngine:
    """Builds an engine. Nothing is left of it when the caller is interrupted.

    Args:
        graph: an ONNX file whose types are those that shall be computed in.
        recipe: what else it shall be.
        report: is told the share that is done.
        background: leave the processor to other work.

    Returns:
        The engine.

    Raises:
        BackendUnavailableError: no TensorRT is installed, or it refuses; the message says why.
    """
    # The child must find this package even where the parent has it from a path that only this process knows.
    path = [str(Path(__file__).resolve().parents[2]), *filter(None, sys.path)]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            [sys.executable, "-c", _START, *([BACKGROUND] if background else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, recipe, graph)
            plan, messages = _receive(process.stdout, report or (lambda fraction: None), process, complaints)
        finally:
            process.kill()  # where it has not ended by itself
    return BuiltEngine(plan, _read_activation_bytes(messages), read_layers(messages, measure_scales(graph)))


def _send(stdin: IO[bytes], recipe: Recipe, graph: bytes) -> None:
    try:
        stdin.write(json.dumps({"recipe": recipe.to_dict(), "graph": len(graph)}).encode() + b"\n")
        stdin.write(graph)
        stdin.flush()  # it stays open: its end tells the child that this process has ended
    except BrokenPipeError:  # its answer says why it ended
        with suppress(BrokenPipeError):
            stdin.close()  # or what was not sent would be sent later, with the same error


def _receive(
    stdout: IO[bytes], report: Report, process: subprocess.Popen[bytes], complaints: IO[bytes]
) -> tuple[bytes, list[Message]]:
    for line in stdout:
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BackendUnavailableError(answer["error"])
        if "plan" in answer:
            plan = stdout.read(answer["plan"])
            if len(plan) == answer["plan"]:
                return plan, [(severity, text) for severity, text in answer["messages"]]
            break
        report(answer["progress"])
    status = process.wait()
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    raise BackendUnavailableError(f"the process that builds the engine ended with {how}{_last_line(complaints)}")


def _last_line(complaints: IO[bytes]) -> str:
    """The last line that a process wrote, as the end of a message; empty if it wrote nothing."""
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").split("\n")
    return next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")


def _read_activation_bytes(messages: Sequence[Message]) -> int | None:
    for _, text in messages:
        if match := re.match(r"Total Activation Memory: (\d+) bytes", text):
            return int(match[1])
    return None
