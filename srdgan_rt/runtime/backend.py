"""What every backend offers, and the devices and precisions it can be asked for."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from srdgan_rt.errors import BackendUnavailableError, InputError

NetT = TypeVar("NetT", bound=nn.Module)

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float32}
"""Type of the maps between the layers: in int8, bytes are only what the dense blocks multiply."""


class RowStream(Protocol):
    """One picture on its way through a network in strips of rows, with the same result whatever their height."""

    @property
    def memory_bytes(self) -> int:
        """What is held meanwhile, besides weights, picture and result."""

    def run(self, read: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
        """Enlarges the picture.

        Args:
            read: ``read(begin, end)`` gives those rows as ``(N, 3, end - begin, W)`` RGB, float32, nominally in [0, 1].

        Yields:
            Strips of the result from top to bottom, ``(N, 3, rows, scale * W)`` RGB, float32, not clamped.
        """


class Backend(Protocol):
    """Runs a network. Backends hold their own copy of the weights and are safe to share between threads."""

    @property
    def name(self) -> str:
        """Engine, as the command line names it."""

    @property
    def device(self) -> torch.device:
        """Where :meth:`run` computes."""

    @property
    def precision(self) -> str:
        """``fp32``, ``fp16``, ``bf16`` or ``int8``: the type of weights and activations."""

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that :meth:`run` holds at its peak, per LR pixel of its input: an estimate, rather too high."""

    @property
    def one_shape(self) -> bool:
        """Whether all tiles should have the same size, for engines that plan memory or kernels for a size."""

    @property
    def largest_side(self) -> int | None:
        """Longest side that :meth:`run` takes, in LR pixels; None where memory alone sets a limit."""

    def run(self, x: Tensor) -> Tensor:
        """Enlarges a batch.

        Args:
            x: ``(N, 3, H, W)`` RGB, float32, nominally in [0, 1], on any device.

        Returns:
            ``(N, 3, scale * H, scale * W)`` RGB, float32, not clamped, on the backend's device.
        """

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> RowStream | None:
        """Prepares to enlarge pictures in strips.

        Args:
            height: rows of the pictures.
            width: columns of the pictures.
            strip_rows: least number of rows per strip; None for all at once.
            batch: pictures that go through side by side.

        Returns:
            The stream, or None where this backend cannot do it without seams.
        """


def prepare_net(net: NetT, device: torch.device, dtype: torch.dtype) -> NetT:
    """A copy of a network for inference, in channels-last layout, which is the fastest for convolutions."""
    net = copy.deepcopy(net).requires_grad_(False).eval().to(device, dtype)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def resolve_device(device: str | torch.device) -> torch.device:
    """Turns a device's name into one that exists.

    Args:
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        The device.

    Raises:
        InputError: the name is unknown.
        BackendUnavailableError: this machine or this build of PyTorch has no such device.
    """
    name = str(device)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise InputError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if torch.version.cuda is None:
        raise BackendUnavailableError(f"device {name} cannot be used: this build of PyTorch is for the CPU only")
    if not torch.cuda.is_available():
        raise BackendUnavailableError(f"device {name} cannot be used: no CUDA device or driver was found")
    resolved = torch.device(name)
    if resolved.index is not None and resolved.index >= torch.cuda.device_count():
        raise BackendUnavailableError(
            f"device {name} does not exist: there are {torch.cuda.device_count()} CUDA devices"
        )
    return resolved


def resolve_precision(precision: str, device: torch.device) -> str:
    """Turns ``auto`` into a precision: fp16 on CUDA, fp32 on the CPU.

    Args:
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        device: where the network will run.

    Returns:
        ``fp32``, ``fp16``, ``bf16`` or ``int8``.

    Raises:
        InputError: the precision is unknown.
    """
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if precision not in DTYPES:
        raise InputError(f"precision must be auto, {', '.join(DTYPES)}, got {precision!r}")
    return precision
