"""The whole L2H network as one op on a CUDA device, on tensor cores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_same_device
from srdgan_rt.ops._layers import (
    BLOCKS_PER_RRDB,
    CONVS_PER_BLOCK,
    IMAGE_CHANNELS,
    NEGATIVE_SLOPE,
    PICTURE_CHANNELS,
    L2HLayers,
    check_net,
)
from srdgan_rt.ops._pack import refuse_gradients

_LARGEST_CHANNELS = 64
_UNSHUFFLES = dict(zip(PICTURE_CHANNELS, (1, 2, 4), strict=True))
_SAMPLES = (torch.uint8, torch.uint16, torch.float32)


@dataclass(frozen=True)
class PackedCudaL2HNet:
    """The network as the CUDA kernels read it; made by :func:`l2h_net_cuda_pack`.

    Args:
        weights: (bytes,) uint8, opaque.
        sizes: features, growth channels, RRDBs, nearest x2 enlargements, factor of the pixel-unshuffle.
        precision: ``fp16`` or ``bf16``.
        half_sums: whether sums are float16, too.
    """

    weights: Tensor
    sizes: tuple[int, int, int, int, int]
    precision: str
    half_sums: bool

    @property
    def scale(self) -> int:
        """Enlargement of a picture."""
        return _scale(self.sizes)

    def to(self, device: torch.device | str) -> PackedCudaL2HNet:
        """The same network on another device."""
        return replace(self, weights=self.weights.to(device))


def l2h_net_cuda_pack(layers: L2HLayers, precision: str = "fp16", *, half_sums: bool = False) -> PackedCudaL2HNet:
    """Rounds and reorders the weights of a network once, for many calls of :func:`l2h_net_cuda`.

    Args:
        layers: float32 on the CPU, sizes as in :class:`srdgan_rt.models.L2HNet`, at most 64 features and growth
            channels.
        precision: ``fp16`` or ``bf16``, of weights and feature maps.
        half_sums: also sum in float16, with ``fp16`` alone: faster on GeForce, a little less exact.

    Returns:
        The network on the CPU; ``.to(device)`` brings it to a GPU. It is about as large as its weights, or twice that
        where the extension has kernels for Hopper (``90a``), which read them in another order. It is for inference
        only: it has no gradients.

    Raises:
        InputError: the layers do not form such a network, or an argument is unknown.
        ExtensionError: the compiled extension cannot be used, or has no CUDA kernels.
    """
    features, growth = check_net(layers)
    if max(features, growth) > _LARGEST_CHANNELS:
        raise InputError(f"the CUDA kernels take up to {_LARGEST_CHANNELS} channels, got {max(features, growth)}")
    if precision not in ("fp16", "bf16"):
        raise InputError(f"precision must be fp16 or bf16, got {precision!r}")
    if half_sums and precision != "fp16":
        raise InputError(f"half_sums needs fp16, got {precision}")
    num_rrdbs = len(layers.dense) // (BLOCKS_PER_RRDB * CONVS_PER_BLOCK)
    sizes = (features, growth, num_rrdbs, len(layers.upsamplings), _UNSHUFFLES[layers.first[0].shape[1]])
    ordered = [layers.first, *layers.dense, layers.body, *layers.upsamplings, layers.hr, layers.last]
    weights, biases = ([tensor.detach().contiguous() for tensor in tensors] for tensors in zip(*ordered, strict=True))
    for tensor in (*weights, *biases):
        if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
            raise InputError(f"layers are packed from float32 on the CPU, got {tensor.dtype} on {tensor.device}")
    _ext.load_cuda()
    packed = torch.ops.srdgan_rt.l2h_net_cuda_pack(weights, biases, list(sizes), precision)
    return PackedCudaL2HNet(packed, sizes, precision, half_sums)


def l2h_net_cuda(picture: Tensor, net: PackedCudaL2HNet) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
    """The L2H network (paper, section 3.3, equation 7) from samples to samples, in one op.

    Convolutions run on tensor cores, with sums in float32, or float16 with ``half_sums``. Conversion of the samples,
    pixel-unshuffle, LeakyReLU, shortcuts, clamping and rounding are parts of them (docs/design/cuda.md).
    Work is queued in the current stream, and results are repeatable. Where H and W are not multiples of the
    pixel-unshuffle, the picture is continued mirrored, and the result is cropped.

    Args:
        picture: (N, 3, H, W) RGB on the device of the weights, of any strides: uint8, uint16, or float32, nominally in
            [0, 1]. N may be 0.
        net: from :func:`l2h_net_cuda_pack`.

    Returns:
        (N, 3, scale * H, scale * W) of the picture's type, contiguous; integers are clamped and rounded, float32 is not
        clamped.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used, or has no CUDA kernels.
    """
    _check_picture(picture)
    check_same_device(picture=picture, weights=net.weights)
    if picture.device.type != (needed := _ext.load_cuda()):
        raise InputError(f"l2h_net_cuda runs on {needed}, got a picture on {picture.device}")
    result: Tensor = torch.ops.srdgan_rt.l2h_net_cuda(
        picture, net.weights, list(net.sizes), net.precision, net.half_sums, NEGATIVE_SLOPE
    )
    return result


def _scale(sizes: tuple[int, ...] | list[int]) -> int:
    return int((1 << sizes[3]) // sizes[4])


def _check_picture(picture: Tensor) -> None:
    if picture.ndim != 4 or picture.shape[1] != IMAGE_CHANNELS or 0 in picture.shape[2:]:
        raise InputError(f"picture must be (N, 3, H, W) with H and W of at least 1, got {tuple(picture.shape)}")
    if picture.dtype not in _SAMPLES:
        raise InputError(f"picture must be uint8, uint16 or float32, got {picture.dtype}")


def _fake(
    picture: Tensor, weights: Tensor, sizes: list[int], precision: str, half_sums: bool, negative_slope: float
) -> Tensor:
    _check_picture(picture)
    check_same_device(picture=picture, weights=weights)
    scale = _scale(sizes)
    return picture.new_empty((picture.shape[0], IMAGE_CHANNELS, scale * picture.shape[2], scale * picture.shape[3]))


def _fake_pack(weights: list[Tensor], biases: list[Tensor], sizes: list[int], precision: str) -> Tensor:
    size = torch.library.get_ctx().new_dynamic_size()  # the packer knows it
    return torch.empty(size, dtype=torch.uint8, device="cpu")


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::l2h_net_cuda", _fake)
    torch.library.register_fake("srdgan_rt::l2h_net_cuda_pack", _fake_pack)
    refuse_gradients("l2h_net_cuda")
