"""What running an engine takes from the GPU and from TensorRT: the only calls that a CPU cannot make.

:mod:`srdgan_rt.tensorrt.cuda` makes them; tests put a double in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Event(Protocol):
    """A point in the work of a stream."""

    def synchronize(self) -> None:
        """Waits on the host until the work before it is done."""


class Stream(Protocol):
    """Work that is done in order, later than it is given."""

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Gives a copy, with a conversion where the types differ; a source on the host must be pinned."""

    def record(self) -> Event:
        """Marks the end of all work that was given so far."""

    def wait(self, event: Event) -> None:
        """Lets work that is given from now on begin only after the event."""


class Device(Protocol):
    """A GPU."""

    @property
    def name(self) -> str:
        """The GPU and its driver: what was compiled or measured on it holds for no other."""

    @property
    def driver(self) -> str:
        """Version of the driver; empty where nothing states it."""

    def holds(self, x: Tensor) -> bool:
        """Whether a tensor lies in the memory of the device."""

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of the device."""

    def empty_pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of the host from which copies can be made while the host goes on."""

    def open_stream(self) -> Stream:
        """A stream of its own."""

    def current_stream(self) -> Stream:
        """The stream in which the caller's tensors are made and used."""


class Context(Protocol):
    """A loaded engine with the sizes of one input."""

    def set_shape(self, shape: Sequence[int]) -> int:
        """Sets the input's shape; returns the bytes of workspace that a run takes.

        Raises:
            BackendUnavailableError: the library refuses.
        """

    def bind(self, source: Tensor, target: Tensor, workspace: Tensor) -> None:
        """Sets where a run reads, writes and works; they must live until it is done."""

    def enqueue(self, stream: Stream) -> None:
        """Gives a run to a stream.

        Raises:
            BackendUnavailableError: the library refuses.
        """

    def serialize_kernels(self) -> bytes | None:
        """What was compiled for this GPU so far; None where the library keeps nothing."""


class Runtime(Protocol):
    """Loads engines."""

    def load(self, plan: bytes, kernels: bytes | None) -> Context:
        """Loads an engine, with what :meth:`Context.serialize_kernels` gave earlier; anything else there is ignored.

        Raises:
            BackendUnavailableError: the library refuses.
        """
