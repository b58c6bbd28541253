"""The interface of backends, and their devices and precisions."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from srdgan_rt.errors import BackendUnavailableError, InputError
from srdgan_rt.runtime.tf32 import without_tf32

NetT = TypeVar("NetT", bound=nn.Module)

DTYPES = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "int8": torch.float32,
    "fp8": torch.float16,
}
"""Type of the feature maps by precision. In int8 and fp8, only the products in the dense blocks are of bytes."""


class RowStream(Protocol):
    """Runs a network in strips of rows. The result does not depend on their height."""

    @property
    def memory_bytes(self) -> int:
        """Memory in use while the stream runs, besides weights, picture and result."""

    def run(self, read: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
        """Enlarges the picture.

        Args:
            read: ``read(begin, end)`` gives the rows ``begin..end - 1``: ``(N, 3, end - begin, W)`` RGB, float32,
                nominally in [0, 1]. It is called from top to bottom, once for each row.

        Yields:
            Strips of the result from top to bottom, ``(N, 3, rows, scale * W)`` RGB, float32, not clamped.
        """


class Backend(Protocol):
    """Runs a network. A backend has its own copy of the weights and may be used by several threads at once."""

    @property
    def name(self) -> str:
        """Name of the engine, as on the command line."""

    @property
    def device(self) -> torch.device:
        """Device on which :meth:`run` computes."""

    @property
    def precision(self) -> str:
        """``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``: the type of weights and activations."""

    @property
    def bytes_per_pixel(self) -> int:
        """Peak memory of :meth:`run` per LR pixel of its input; an estimate that is rather too high."""

    @property
    def one_shape(self) -> bool:
        """Whether all tiles should have the same size, for engines that plan memory or kernels for a size."""

    @property
    def largest_side(self) -> int | None:
        """Longest side that :meth:`run` takes, in LR pixels; None where memory alone sets a limit."""

    @property
    def held_bytes(self) -> int:
        """Memory on the device that is kept from one :meth:`run` to the next, and freed where another size needs it.
        Not what PyTorch keeps."""

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
            height: rows of the pictures, a multiple of the network's ``unshuffle``.
            width: columns of the pictures, likewise.
            strip_rows: least number of rows per strip; None runs the whole picture at once.
            batch: number of pictures.

        Returns:
            The stream, or None where this backend cannot work in strips without seams.
        """


def prepare_net(net: NetT, device: torch.device, dtype: torch.dtype) -> NetT:
    """A copy of a network for inference, in channels-last layout, which is the fastest for convolutions."""
    net = copy.deepcopy(net).requires_grad_(False).eval().to(device, dtype)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@contextmanager
def exact_precision(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """While it is entered, PyTorch computes in the type of its tensors, whatever the program around it has set.

    Autocast is off, and fp32 on a GPU is without TF32.

    Args:
        device: device of the tensors.
        dtype: their type.
    """
    with ExitStack() as settings:
        if torch.amp.is_autocast_available(device.type):
            settings.enter_context(torch.autocast(device.type, enabled=False))
        if dtype == torch.float32 and device.type != "cpu":
            settings.enter_context(without_tf32)
        yield


def resolve_device(device: str | torch.device) -> torch.device:
    """Finds a device by name.

    Args:
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` (the calling thread's current one) or ``cuda:N``.

    Returns:
        The device; a CUDA device has an index.

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
    # A bare "cuda" would mean another GPU in each thread that chose another one.
    resolved = torch.device("cuda", torch.cuda.current_device()) if name == "cuda" else torch.device(name)
    if resolved.index >= torch.cuda.device_count():
        raise BackendUnavailableError(
            f"device {name} does not exist: there are {torch.cuda.device_count()} CUDA devices"
        )
    return resolved


def resolve_precision(precision: str, device: torch.device) -> str:
    """Turns ``auto`` into a precision: fp16 on CUDA, fp32 on the CPU.

    Args:
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``.
        device: device on which the network will run.

    Returns:
        ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``.

    Raises:
        InputError: the precision is unknown.
    """
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if precision not in tuple(DTYPES):  # takes values without a hash, too
        raise InputError(f"precision must be auto, {', '.join(DTYPES)}, got {precision!r}")
    return precision
