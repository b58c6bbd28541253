"""Engine ``native``: this package's own CPU kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import NO_FAST_INT8, BackendUnavailableError
from srdgan_rt.models import L2HNet
from srdgan_rt.models.l2h import ResidualDenseBlock, unshuffle_pixels
from srdgan_rt.ops import L2HLayers, L2HStream, Layer, PackedL2HNet, l2h_net, l2h_net_pack
from srdgan_rt.runtime.memory import estimate_bytes_per_pixel

NAME = "native"


class NativeBackend:
    """Runs the whole network as one op, ``l2h_net``.

    Args:
        model: the network; its weights are packed, which copies them. int8 needs its ranges.
        device: must be the CPU (:func:`why_not`).
        precision: ``fp32``, ``int8`` or ``bf16``.

    Raises:
        BackendUnavailableError: the precision is int8 and the model has no ranges.
        ExtensionError: the compiled extension cannot be used.
        InputError: the ranges do not fit the network.
    """

    name = NAME
    one_shape = False
    largest_side = None
    held_bytes = 0

    def __init__(self, model: Model, device: torch.device, precision: str) -> None:
        if precision == "int8" and model.ranges is None:
            raise BackendUnavailableError(
                "int8 needs activation ranges, which are in a file beside the model's weights"
            )
        self.device = device
        self.precision = precision
        self.bytes_per_pixel = estimate_bytes_per_pixel(model.spec, bytes_per_value=4)
        self._scale, self._unshuffle = model.net.scale, model.net.unshuffle
        self._net = pack_net(model.net, precision, model.ranges)

    @torch.inference_mode()
    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        result = l2h_net(unshuffle_pixels(x.to(self.device), self._unshuffle), self._net)
        return result[..., : self._scale * x.shape[2], : self._scale * x.shape[3]]

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> _NativeStream:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`."""
        factor = self._unshuffle
        rows = None if strip_rows is None else -(-strip_rows // factor)
        stream = L2HStream(self._net, height // factor, width // factor, strip_rows=rows, batch=batch)
        return _NativeStream(stream, factor)


class _NativeStream:
    """A :class:`~srdgan_rt.runtime.backend.RowStream` of a network that sees ``factor`` x ``factor`` pixels as one."""

    def __init__(self, stream: L2HStream, factor: int) -> None:
        self._stream = stream
        self._factor = factor

    @property
    def memory_bytes(self) -> int:
        return self._stream.memory_bytes

    def run(self, read: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
        factor = self._factor
        return self._stream.run(lambda begin, end: unshuffle_pixels(read(factor * begin, factor * end), factor))


def why_not(device: torch.device, precision: str) -> str | None:
    """Why the native engine cannot be used with this device and precision, in one line; None where it can."""
    if device.type != "cpu":
        return f"the native engine runs on the CPU only, not on {device}"
    if precision not in ("fp32", "int8", "bf16"):
        return f"the native engine computes in fp32, int8 and bf16, not in {precision}"
    if (reason := _ext.why_not()) is not None:
        return reason
    if precision == "int8" and not _ext.has_fast_int8():
        return NO_FAST_INT8
    return _ext.why_no_bf16() if precision == "bf16" else None


def create(model: Model, device: torch.device, precision: str) -> NativeBackend:
    """See :class:`NativeBackend`."""
    return NativeBackend(model, device, precision)


def pack_net(net: L2HNet, precision: str, ranges: Sequence[Tensor] | None = None) -> PackedL2HNet:
    """Packs a network for a precision of this engine.

    Where bf16 is fast, int8 comes with it: the layers that int8 is not for multiply numbers in bfloat16.

    Args:
        net: the network.
        precision: ``fp32``, ``int8`` or ``bf16``.
        ranges: of int8.

    Raises:
        ExtensionError: the compiled extension cannot be used.
        InputError: the ranges do not fit the network.
    """
    bf16 = precision == "bf16" or (precision == "int8" and _ext.has_fast_bf16())
    return l2h_net_pack(list_layers(net), ranges if precision == "int8" else None, bf16=bf16)


def list_layers(net: L2HNet) -> L2HLayers:
    """The network's convolutions as arguments of the ops: float32 on the CPU, without gradients."""

    def layer(conv: nn.Conv2d) -> Layer:
        assert conv.bias is not None  # every convolution of the network has one
        return conv.weight.detach().to("cpu", torch.float32), conv.bias.detach().to("cpu", torch.float32)

    blocks = [module for module in net.body.modules() if isinstance(module, ResidualDenseBlock)]
    dense = [layer(conv) for block in blocks for conv in block.children() if isinstance(conv, nn.Conv2d)]
    return L2HLayers(
        first=layer(net.conv_first),
        dense=dense,
        body=layer(net.conv_body),
        upsamplings=[layer(conv) for conv in net.upsampling_convs()],
        hr=layer(net.conv_hr),
        last=layer(net.conv_last),
    )
