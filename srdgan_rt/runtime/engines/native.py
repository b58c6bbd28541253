"""Engine ``native``: this package's own kernels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import L2HNet
from srdgan_rt.models.l2h import ResidualDenseBlock, unshuffle_pixels
from srdgan_rt.ops import (
    L2HLayers,
    L2HStream,
    l2h_net,
    l2h_net_pack,
    l2h_tail,
    l2h_tail_pack,
    rrdb_trunk,
    rrdb_trunk_pack,
)
from srdgan_rt.runtime.memory import estimate_bytes_per_pixel

NAME = "native"

Layer = tuple[Tensor, Tensor]  # weight and bias


class NativeBackend:
    """Runs the whole network as one op, ``l2h_net``; :class:`NativeUnshuffleBackend` is for nets with pixel-unshuffle.

    Args:
        model: the network; its weights are copied in the kernel's form. int8 needs its ranges.
        device: must be the CPU (:func:`why_not`).
        precision: ``fp32`` or ``int8``.

    Raises:
        BackendUnavailableError: int8 is asked for and the model has no ranges.
        ExtensionError: the compiled extension cannot be used.
        InputError: the ranges do not fit the network.
    """

    name = NAME
    one_shape = False

    def __init__(self, model: Model, device: torch.device, precision: str) -> None:
        if precision == "int8" and model.ranges is None:
            raise BackendUnavailableError("int8 needs the ranges of the features, which lie beside a model's file")
        self.device = device
        self.precision = precision
        self.bytes_per_pixel = estimate_bytes_per_pixel(model.spec, bytes_per_value=4)
        self._net = l2h_net_pack(list_layers(model.net), model.ranges if precision == "int8" else None)

    @torch.inference_mode()
    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        return l2h_net(x.to(self.device), self._net)

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> L2HStream:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`."""
        return L2HStream(self._net, height, width, strip_rows=strip_rows, batch=batch)


class NativeUnshuffleBackend:
    """Runs networks with pixel-unshuffle: trunk and tail as ops, the two convolutions around the trunk in PyTorch.

    ``l2h_net`` takes pictures of three channels only. There are no strips.

    Args:
        model: the network; its weights are copied.
        device: must be the CPU (:func:`why_not`).

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """

    name = NAME
    precision = "fp32"
    one_shape = False

    def __init__(self, model: Model, device: torch.device) -> None:
        net = model.net
        self.device = device
        self.bytes_per_pixel = estimate_bytes_per_pixel(model.spec, bytes_per_value=4)
        self._scale = net.scale
        self._unshuffle = net.unshuffle
        layers = list_layers(net)
        self._first, self._body = _copy(layers.first), _copy(layers.body)
        self._trunk = rrdb_trunk_pack(layers.dense)
        self._tail = l2h_tail_pack(layers.upsamplings, layers.hr, layers.last)

    @torch.inference_mode()
    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        """See :meth:`srdgan_rt.runtime.backend.Backend.run`."""
        blocks = unshuffle_pixels(x.to(self.device), self._unshuffle).contiguous(memory_format=torch.channels_last)
        first = _convolve(blocks, self._first)
        features = first + _convolve(rrdb_trunk(first, self._trunk), self._body)
        result = l2h_tail(features, self._tail)
        return result[..., : self._scale * x.shape[2], : self._scale * x.shape[3]]

    def open_stream(self, height: int, width: int, *, strip_rows: int | None, batch: int) -> None:
        """See :meth:`srdgan_rt.runtime.backend.Backend.open_stream`."""


def _copy(layer: Layer) -> Layer:
    return layer[0].clone(), layer[1].clone()


def _convolve(x: Tensor, layer: Layer) -> Tensor:
    return F.conv2d(x, layer[0], layer[1], padding=1)


def why_not(device: torch.device, precision: str) -> str | None:
    """One line that says why the native engine cannot be used so, or None where it can."""
    if device.type != "cpu":
        return f"the native engine runs on the CPU only, not on {device}"
    if precision not in ("fp32", "int8"):
        return f"the native engine computes in fp32 and int8 only, not in {precision}"
    if (reason := _ext.why_not()) is not None:
        return reason
    if precision == "int8" and not _ext.has_vnni():
        return "int8 needs a processor with VNNI (AVX-512 VNNI or AVX-VNNI)"
    return None


def create(model: Model, device: torch.device, precision: str) -> NativeBackend | NativeUnshuffleBackend:
    """See :class:`NativeBackend` and :class:`NativeUnshuffleBackend`."""
    if model.net.unshuffle == 1:
        return NativeBackend(model, device, precision)
    if precision == "int8":
        raise BackendUnavailableError("the native engine has no int8 for networks with pixel-unshuffle")
    return NativeUnshuffleBackend(model, device)


def list_layers(net: L2HNet) -> L2HLayers:
    """The network's convolutions in the form that the ops take, float32 on the CPU, without gradients."""

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
