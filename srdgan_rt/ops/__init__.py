"""The package's compiled operations on tensors: one public function per op.

:mod:`srdgan_rt.ops.reference` has the same functions in plain PyTorch, which work without the extension and on every
device. The functions here never fall back to them: without the extension they raise
:class:`~srdgan_rt.errors.ExtensionNotBuiltError`.
"""

from srdgan_rt.ops import reference
from srdgan_rt.ops._layers import L2HLayers, Layer
from srdgan_rt.ops.dense_layers import conv3x3_train, dense_block_train
from srdgan_rt.ops.l2h_net import (
    L2HStream,
    PackedL2HNet,
    PackedL2HTail,
    l2h_net,
    l2h_net_pack,
    l2h_tail,
    l2h_tail_pack,
)
from srdgan_rt.ops.l2h_net_cuda import PackedCudaL2HNet, l2h_net_cuda, l2h_net_cuda_pack
from srdgan_rt.ops.nearest_downsample import nearest_downsample
from srdgan_rt.ops.rrdb_trunk import PackedTrunk, dense_block, dense_block_pack, rrdb_trunk, rrdb_trunk_pack
from srdgan_rt.ops.upsample_conv import PackedUpsampleConv, upsample_conv, upsample_conv_pack, upsample_conv_packed

__all__ = [
    "L2HLayers",
    "L2HStream",
    "Layer",
    "PackedCudaL2HNet",
    "PackedL2HNet",
    "PackedL2HTail",
    "PackedTrunk",
    "PackedUpsampleConv",
    "conv3x3_train",
    "dense_block",
    "dense_block_pack",
    "dense_block_train",
    "l2h_net",
    "l2h_net_cuda",
    "l2h_net_cuda_pack",
    "l2h_net_pack",
    "l2h_tail",
    "l2h_tail_pack",
    "nearest_downsample",
    "reference",
    "rrdb_trunk",
    "rrdb_trunk_pack",
    "upsample_conv",
    "upsample_conv_pack",
    "upsample_conv_packed",
]
