"""The whole L2H network, and its tail, as one op on the CPU; also in strips of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.ops._checks import check_input, check_same_device
from srdgan_rt.ops._int8 import check_ranges
from srdgan_rt.ops._layers import IMAGE_CHANNELS, NEGATIVE_SLOPE, L2HLayers, Layer, check_net, check_tail, split_blocks
from srdgan_rt.ops._pack import check_packed, name_dense, name_tail, pack, refuse_gradients


@dataclass(frozen=True)
class PackedL2HNet:
    """The network as the CPU kernel reads it; made by :func:`l2h_net_pack`."""

    weights: Tensor  # (bytes,) uint8, opaque
    in_channels: int
    scale: int


@dataclass(frozen=True)
class PackedL2HTail:
    """The tail as the CPU kernel reads it; made by :func:`l2h_tail_pack`."""

    weights: Tensor  # (bytes,) uint8, opaque
    num_features: int
    scale: int


def l2h_net_pack(layers: L2HLayers, ranges: Sequence[Tensor] | None = None, *, bf16: bool = False) -> PackedL2HNet:
    """Transforms the weights of a network once, for many calls of :func:`l2h_net` and :class:`L2HStream`.

    Args:
        layers: float32 on the CPU, sizes as in :class:`srdgan_rt.models.L2HNet`.
        ranges: activation ranges for dense blocks in int8, one tensor (37, F + 4 * G) per dense block, from
            :func:`srdgan_rt.runtime.measure_ranges`. Larger features are clipped.
        bf16: whether numbers are multiplied in bfloat16, and their products summed in float32: in the dense blocks,
            unless there are ranges, and in the layers behind conv_body. There each feature is two such numbers,
            together of 16 bits. It is fast where :func:`srdgan_rt._ext.has_fast_bf16` says so, and very slow elsewhere.
            All else, such as shortcuts, is float32.

    Returns:
        The packed network, seven times the size of the weights; about their size in int8, and half of it in bf16. It is
        for inference only: it has no gradients.

    Raises:
        InputError: the layers do not form such a network, or the ranges do not fit it.
        ExtensionError: the compiled extension cannot be used.
    """
    features, growth = check_net(layers)
    if ranges is not None:
        check_ranges(ranges, len(split_blocks(layers.dense)), features, growth)
    named = {
        "conv_first": layers.first,
        **name_dense(layers.dense),
        "conv_body": layers.body,
        **name_tail(layers.upsamplings, layers.hr, layers.last),
    }
    products = " and ".join([*(["int8"] if ranges is not None else []), *(["bf16"] if bf16 else [])]) or "fp32"
    return PackedL2HNet(pack("net", named, products, ranges), layers.first[0].shape[1], 1 << len(layers.upsamplings))


def l2h_tail_pack(upsamplings: Sequence[Layer], hr: Layer, last: Layer) -> PackedL2HTail:
    """Transforms the weights of a tail once, for many calls of :func:`l2h_tail`; see :func:`l2h_net_pack`."""
    features = check_tail(upsamplings, hr, last)
    return PackedL2HTail(pack("tail", name_tail(upsamplings, hr, last)), features, 1 << len(upsamplings))


def l2h_net(picture: Tensor, net: PackedL2HNet) -> Tensor:  # (N, C, H, W) -> (N, 3, scale * H, scale * W)
    """The L2H network (paper, section 3.3, equation 7) in one op, from the picture to the result.

    It runs as one wavefront of Winograd convolutions over rows of tiles: without concatenations, without whole feature
    maps at full resolution, and without barriers between layers. The result is the same for any number of threads. See
    docs/design/kernels.md for the arithmetic.

    Args:
        picture: (N, C, H, W) float32 on the CPU, nominally in [0, 1]. C is that of conv_first: 3 for RGB, 12 or 48
            after a pixel-unshuffle by 2 or 4. H and W at least 1, N may be 0.
        net: from :func:`l2h_net_pack`.

    Returns:
        (N, 3, scale * H, scale * W) float32 RGB, not clamped.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_input(picture, net.in_channels, torch.float32, NEGATIVE_SLOPE, "picture")
    check_same_device(picture=picture, weights=net.weights)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.l2h_net(picture, net.weights, net.scale, NEGATIVE_SLOPE)
    return result


def l2h_tail(
    x: Tensor,  # (N, F, H, W)
    tail: PackedL2HTail,
    negative_slope: float = 0.2,
) -> Tensor:  # (N, 3, scale * H, scale * W)
    """The tail of the network: enlargements, conv_hr, LeakyReLU and conv_last, fused row by row.

    Only a few rows of the feature maps at the result's resolution exist at a time.

    Args:
        x: (N, F, H, W) float32 on the CPU, H and W at least 1, N may be 0; channels_last avoids a copy.
        tail: from :func:`l2h_tail_pack`.
        negative_slope: slope of every LeakyReLU for negative values, 0..1.

    Returns:
        (N, 3, scale * H, scale * W) float32, not clamped.

    Raises:
        InputError: an argument breaks one of these rules.
        ExtensionError: the compiled extension cannot be used.
    """
    check_input(x, tail.num_features, torch.float32, negative_slope)
    check_same_device(x=x, weights=tail.weights)
    _ext.load()
    result: Tensor = torch.ops.srdgan_rt.l2h_tail(x, tail.weights, tail.scale, float(negative_slope))
    return result


class L2HStream:
    """Runs the network in strips of rows; bit-identical to :func:`l2h_net` on the whole picture.

    Every layer computes the rows for which its input is known, and continues there with the next strip, like an image
    signal processor with line buffers. Memory depends on the width of the picture, not on its height.

    Args:
        net: from :func:`l2h_net_pack`.
        height: rows of the picture.
        width: columns of the picture.
        strip_rows: rows per strip, at least 1; rounded up to a size that the kernel supports. None, or at least the
            height, runs the whole picture at once.
        batch: number of pictures; may be 0.

    Raises:
        InputError: a size is below 1, or the batch below 0.
        ExtensionError: the compiled extension cannot be used.
    """

    def __init__(
        self, net: PackedL2HNet, height: int, width: int, *, strip_rows: int | None = None, batch: int = 1
    ) -> None:
        if batch < 0:
            raise InputError(f"batch must be at least 0, got {batch}")
        self._net = net
        self._height = height
        self._width = width
        self._batch = batch
        self.strip_rows = _round_strip_rows(net, height, width, strip_rows)

    @property
    def memory_bytes(self) -> int:
        """Memory that the stream uses while it runs, besides weights, picture and result."""
        pictures = 1 if self._is_whole else self._batch  # whole pictures are run one after the other
        return 4 * (pictures * self._floats("state") + self._floats("workspace"))

    def run(self, read: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
        """Enlarges the picture.

        Args:
            read: ``read(begin, end)`` gives rows ``begin..end - 1`` as ``(batch, C, end - begin, width)`` float32.
                It is called from top to bottom, once for each row.

        Yields:
            Strips of the result from top to bottom, ``(batch, 3, rows, scale * width)`` float32, not clamped. The first
            ones may have no rows, because results depend on rows further down.

        Raises:
            InputError: ``read`` gave something else.
            RuntimeError: the memory cannot be allocated.
        """
        if self._is_whole:
            yield l2h_net(self._check(read(0, self._height), self._height), self._net)
            return
        state = torch.empty(self._batch, self._floats("state"), dtype=torch.float32, device="cpu")
        for known in range(0, self._height, self.strip_rows):
            end = min(known + self.strip_rows, self._height)
            yield torch.ops.srdgan_rt.l2h_strip(
                self._check(read(known, end), end - known),
                self._net.weights,
                state,
                self._net.scale,
                NEGATIVE_SLOPE,
                self._height,
                self.strip_rows,
                known,
            )

    @property
    def _is_whole(self) -> bool:
        return self.strip_rows >= self._height

    def _check(self, rows: Tensor, num_rows: int) -> Tensor:
        shape = (self._batch, self._net.in_channels, num_rows, self._width)
        if (tuple(rows.shape), rows.dtype, rows.device.type) != (shape, torch.float32, "cpu"):
            got = f"{tuple(rows.shape)} {rows.dtype} on {rows.device}"
            raise InputError(f"read must give {shape} torch.float32 on cpu, got {got}")
        return rows.detach()

    def _floats(self, of: str) -> int:
        """Number of floats of a picture's ``state``, which is kept between strips, or of a strip's ``workspace``."""
        count = getattr(torch.ops.srdgan_rt, f"l2h_{of}_floats")
        floats: int = count(self._net.weights, self._height, self._width, self.strip_rows)
        return floats


def _round_strip_rows(net: PackedL2HNet, height: int, width: int, strip_rows: int | None) -> int:
    """The smallest supported number of rows per strip that is at least ``strip_rows``; at most the height."""
    for name, value in (("height", height), ("width", width), ("strip_rows", strip_rows)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, got {value}")
    _ext.load()
    if strip_rows is None:
        return height
    rounded: int = torch.ops.srdgan_rt.l2h_round_strip_rows(net.weights, height, width, strip_rows)
    return rounded


def _fake_net(picture: Tensor, weights: Tensor, scale: int, negative_slope: float) -> Tensor:
    check_packed(picture, weights)
    return picture.new_empty((picture.shape[0], IMAGE_CHANNELS, scale * picture.shape[2], scale * picture.shape[3]))


def _fake_strip(
    rows: Tensor,
    weights: Tensor,
    state: Tensor,
    scale: int,
    negative_slope: float,
    height: int,
    strip_rows: int,
    known_before: int,
) -> Tensor:
    check_packed(rows, weights)
    finished_rows = torch.library.get_ctx().new_dynamic_size()  # only the kernel knows how many
    return rows.new_empty((rows.shape[0], IMAGE_CHANNELS, finished_rows, scale * rows.shape[3]))


if _ext.is_available():
    torch.library.register_fake("srdgan_rt::l2h_net", _fake_net)
    torch.library.register_fake("srdgan_rt::l2h_tail", _fake_net)
    torch.library.register_fake("srdgan_rt::l2h_strip", _fake_strip)
    refuse_gradients("l2h_net")
    refuse_gradients("l2h_tail")
