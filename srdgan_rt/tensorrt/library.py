"""Which TensorRT is installed: ``tensorrt_rtx`` (GeForce RTX) or ``tensorrt`` (10 and 11, any GPU)."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srdgan_rt.errors import BackendUnavailableError, install_hint

RTX, CLASSIC = "tensorrt_rtx", "tensorrt"
"""Names of the two packages, in the order of preference."""

Message = tuple[int, str]
"""Severity (0 internal error, 1 error, 2 warning, 3 information, 4 verbose) and text."""

INPUT, OUTPUT = "input", "output"
"""Names of the network's tensors, as :mod:`srdgan_rt.export` writes them."""

_ERROR = 1
_OLDEST_CLASSIC = (10, 1)  # the first that takes working memory with its size
_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Library:
    """An installed TensorRT.

    Args:
        name: ``tensorrt_rtx`` or ``tensorrt``.
        version: as the package states it.
        module: the package itself.
    """

    name: str
    version: str
    module: Any

    @property
    def is_rtx(self) -> bool:
        """Whether its engines are built without a GPU and compiled for the GPU when they are loaded."""
        return self.name == RTX


def installed_name() -> str | None:
    """The package that is installed, ``tensorrt_rtx`` where both are; it is not imported."""
    return next((name for name in (RTX, CLASSIC) if importlib.util.find_spec(name) is not None), None)


def why_not() -> str | None:
    """One line that says why no TensorRT can be used, or None where one is installed."""
    if installed_name() is not None:
        return None
    return f"neither tensorrt_rtx nor tensorrt is installed: {install_hint('tensorrt-rtx')}"


def find_library() -> Library:
    """Imports the installed TensorRT.

    Raises:
        BackendUnavailableError: none is installed, it cannot be loaded, or it is too old.
    """
    name = installed_name()
    if name is None:
        raise BackendUnavailableError(str(why_not()))
    try:
        module = importlib.import_module(name)
        version = str(module.__version__)
    except (ImportError, OSError, AttributeError) as error:  # a stub, or a library of another CUDA version
        raise BackendUnavailableError(f"{name} is installed but cannot be loaded: {first_line(str(error))}") from error
    if name == CLASSIC and tuple(map(int, version.split(".")[:2])) < _OLDEST_CLASSIC:
        raise BackendUnavailableError(f"tensorrt must be {'.'.join(map(str, _OLDEST_CLASSIC))} or newer, got {version}")
    return Library(name, version, module)


_logger: Any = None


def open_logger(library: Library) -> Any:
    """The process's only ``ILogger``: TensorRT ignores a second one. Its ``messages`` are a list that callers clear."""
    global _logger
    if _logger is None:
        base: Any = library.module.ILogger

        class Logger(base):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.messages: list[Message] = []
                self.highest_severity = _ERROR

            def log(self, severity: Any, message: str) -> None:
                if int(severity) <= self.highest_severity:
                    self.messages.append((int(severity), message))

        _logger = Logger()
    return _logger


def describe_errors(messages: Sequence[Message]) -> str:
    """The first error of a log in one line, which is the cause of the others."""
    errors = [text for severity, text in messages if severity <= _ERROR]
    if not errors:
        return "it gave no reason"
    where = r"^(\[[^\]]*\]|[\w:]+:) (?=Error Code)|\bIn \w+ at /\S+ ?"  # functions and lines of the library's own
    text = re.sub(where, "", first_line(errors[0])).strip()
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


def first_line(text: str) -> str:
    """The first line of a text."""
    return text.strip().partition("\n")[0].strip()
