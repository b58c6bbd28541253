"""Fuzzes the compiled ops with packed weights and sizes: ``python -m tests.fuzz.packed --count 100000 --seed 3``.

A case is eight numbers, which become the other arguments of the ops, and then a blob of packed weights.
"""

from __future__ import annotations

import struct
from pathlib import Path

import torch

from srdgan_rt import ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import L2HLayers, Layer
from tests.fuzz.mutate import Parts
from tests.fuzz.run import Target, main

_ARGUMENTS = struct.Struct("<8q")
_HEADER = struct.Struct("<8sIIiiiiiiiiQQ")
_SECTION_BYTES = 16
_FEATURES, _GROWTH = 3, 2


def make_seeds() -> dict[str, bytes]:
    """Blobs of all parts of a tiny network, with arguments that fit."""

    def layer(out_channels: int, in_channels: int) -> Layer:
        return torch.ones(out_channels, in_channels, 3, 3) / (9 * in_channels), torch.ones(out_channels)

    growing = [layer(_GROWTH, _FEATURES + index * _GROWTH) for index in range(4)]
    dense = 3 * [*growing, layer(_FEATURES, _FEATURES + 4 * _GROWTH)]
    square, last = layer(_FEATURES, _FEATURES), layer(3, _FEATURES)
    net = L2HLayers(layer(_FEATURES, 3), dense, square, [square], square, last)
    ranges = 3 * [torch.ones(37, _FEATURES + 4 * _GROWTH)]
    packed = {
        "net": ops.l2h_net_pack(net),
        "int8": ops.l2h_net_pack(net, ranges),
        "trunk": ops.rrdb_trunk_pack(dense),
        "dense block": ops.dense_block_pack(dense[:5]),
        "tail": ops.l2h_tail_pack([square], square, last),
    }
    # batch, channels, height, width, scale, height of the whole, rows of a strip, rows known before
    arguments = _ARGUMENTS.pack(1, 3, 7, 9, 2, 7, 7, 0)
    return {name: arguments + blob.weights.numpy().tobytes() for name, blob in packed.items()}


def check_packed(path: Path) -> None:
    """Every op with these arguments. At least one must compute, or all have refused."""
    data = path.read_bytes().ljust(_ARGUMENTS.size, b"\0")
    batch, channels, height, width, *others = (_limit(number) for number in _ARGUMENTS.unpack_from(data))
    scale, whole_height, strip_rows, known_before = others
    weights = torch.empty(len(data) - _ARGUMENTS.size, dtype=torch.uint8)  # where a blob must start
    weights.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8)[_ARGUMENTS.size :])
    op = torch.ops.srdgan_rt
    try:
        x = torch.ones(1, 1, 1, 1).expand(batch, channels, height, width)
    except RuntimeError as error:
        raise InputError("there is no such tensor") from error

    def run_strip() -> None:
        floats = op.l2h_state_floats(weights, whole_height, width, strip_rows)
        op.l2h_strip(x, weights, torch.zeros(batch, floats), scale, 0.2, whole_height, strip_rows, known_before)

    calls = (
        lambda: op.dense_blocks(x, weights, 0.2),
        lambda: op.l2h_tail(x, weights, scale, 0.2),
        lambda: op.l2h_net(x, weights, scale, 0.2),
        lambda: op.l2h_round_strip_rows(weights, height, width, strip_rows),
        lambda: op.l2h_workspace_floats(weights, whole_height, width, strip_rows),
        run_strip,
    )
    refusals = []
    for call in calls:
        try:
            call()
        except RuntimeError as error:
            refusals.append(str(error))
    for call in (
        lambda: op.nearest_downsample(x, scale, known_before, 0.1, 0.1, known_before),
        lambda: op.upsample_conv(x, torch.ones(2, 3, 3, 3), None, 0.2),
        lambda: op.upsample_conv_packed(x, torch.ones(25, 1, 3, 16), None, scale, 0.2),
    ):
        try:
            call()
        except RuntimeError:
            continue
    if len(refusals) == len(calls):
        raise InputError(max(refusals, key=len))


def _limit(number: int) -> int:
    """Sizes that overflow, and small ones: those between would only take memory and time."""
    return number if abs(number) >= 1 << 50 else number % 40


def find_parts(data: bytes) -> Parts:
    """Every argument and every number of the header."""
    numbers = [(at, at + 8) for at in range(0, _ARGUMENTS.size, 8)]
    return [*numbers, *((at, at + 4) for at in range(_ARGUMENTS.size, _ARGUMENTS.size + _HEADER.size, 4))]


def repair(data: bytes) -> bytes:
    """Makes the length and the checksum in the header right again."""
    blob = bytearray(data[_ARGUMENTS.size :])
    if len(blob) < _HEADER.size:
        return data
    *fields, _, _ = _HEADER.unpack_from(blob)
    _HEADER.pack_into(blob, 0, *fields, len(blob), 0)
    end = _HEADER.size + fields[-1] * _SECTION_BYTES
    if fields[-1] >= 0 and end <= len(blob):
        checksum = 0xCBF29CE484222325
        words = blob[: _HEADER.size - 8] + blob[_HEADER.size : end]
        for (word,) in struct.iter_unpack("<Q", words):
            checksum = (checksum ^ word) * 0x100000001B3 % (1 << 64)
        struct.pack_into("<Q", blob, _HEADER.size - 8, checksum)
    return data[: _ARGUMENTS.size] + bytes(blob)


TARGET = Target("packed", make_seeds, check_packed, find_parts, repair)

if __name__ == "__main__":
    main(TARGET)
