"""A stand-in for CUDA graphs that runs on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class RecordedGraph:
    """Records the operations on tensors, and repeats them on the memory that they had.

    As with a CUDA graph, Python does not run again: what it decides stays decided, and tensors that come from outside
    are read where they were.
    """

    def __init__(self) -> None:
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        with torch.no_grad():
            for operation, arguments, named, result in self.operations:
                again = operation(*arguments, **named)
                for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class _Recorder(TorchDispatchMode):
    def __init__(self, graph: RecordedGraph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(self, operation: Any, _types: Any, arguments: Any = (), named: Any = None) -> Any:
        result = operation(*arguments, **(named or {}))
        self._graph.operations.append((operation, arguments, named or {}, result))
        return result


class _Stream:
    def wait_stream(self, _other: object) -> None:
        pass


@contextmanager
def _record(graph: RecordedGraph, **_options: object) -> Iterator[None]:
    with _Recorder(graph):
        yield


def use_recorded_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has ``torch.cuda`` make graphs of this kind, in one stream."""
    monkeypatch.setattr(torch.cuda, "CUDAGraph", RecordedGraph)
    monkeypatch.setattr(torch.cuda, "graph", _record)
    monkeypatch.setattr(torch.cuda, "Stream", _Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", _Stream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
