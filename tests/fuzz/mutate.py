"""Damages bytes: the mutations that all fuzz targets share, deterministic by the random generator that is passed in."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

Parts = Sequence[tuple[int, int]]
"""Where the parts of a file (chunks, segments, tags) begin and end, in the order of their bytes."""

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_MAX_ROUNDS = 4


def mutate(data: bytes, parts: Parts, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One damaged version of a file: one to four mutations of bytes and of parts.

    Args:
        data: a sound file.
        parts: its parts; none leaves only the mutations that know nothing of the format.
        others: more files, whose pieces may be spliced in.
        rng: decides everything.
    """
    damaged = bytearray(data)
    for round_ in range(rng.randint(1, _MAX_ROUNDS)):
        # Once a mutation has moved the bytes, the parts no longer lie where they were.
        if parts and round_ == 0 and rng.random() < 0.5:
            rng.choice(_PART_MUTATIONS)(damaged, parts, rng)
        elif others and rng.random() < 0.1:
            _splice(damaged, rng.choice(others), rng)
        else:
            rng.choice(_BYTE_MUTATIONS)(damaged, rng)
    return bytes(damaged)


def _flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_bit_of_header(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(min(len(data), 200))] ^= 1 << rng.randrange(8)


def _cut_end(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _remove_piece(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 2, 4, 100, 1000))]


def _insert_bytes(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    size = rng.choice((1, 2, 4, 100, 1000))
    data[start:start] = bytes(size) if rng.random() < 0.5 else rng.randbytes(size)


def _overwrite_bytes(data: bytearray, rng: random.Random) -> None:
    if data:
        start = rng.randrange(len(data))
        size = min(rng.choice((1, 2, 4, 100, 1000)), len(data) - start)
        data[start : start + size] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))


def _set_number(data: bytearray, rng: random.Random) -> None:
    """Sets two, four or eight bytes anywhere to an extreme number: mostly lengths, counts, sizes and offsets suffer."""
    size, code = rng.choice(((2, "H"), (4, "I"), (8, "Q")))
    if len(data) >= size:
        start = rng.randrange(min(len(data), rng.choice((200, len(data)))) - size + 1)
        number = rng.choice((*_EXTREMES, len(data), len(data) - start)) % (1 << 8 * size)
        struct.pack_into(rng.choice("<>") + code, data, start, number)


def _splice(data: bytearray, other: bytes, rng: random.Random) -> None:
    start, size = rng.randrange(len(other) + 1), rng.choice((4, 16, 64, 1000))
    position = rng.randrange(len(data) + 1)
    data[position : position + rng.choice((0, size))] = other[start : start + size]


def _duplicate_part(data: bytearray, parts: Parts, rng: random.Random) -> None:
    start, end = rng.choice(parts)
    data[end:end] = data[start:end] * rng.choice((1, 1, 2, 50))


def _remove_part(data: bytearray, parts: Parts, rng: random.Random) -> None:
    start, end = rng.choice(parts)
    del data[start:end]


def _swap_parts(data: bytearray, parts: Parts, rng: random.Random) -> None:
    first, second = sorted((rng.choice(parts), rng.choice(parts)))
    if first[1] <= second[0]:
        data[first[0] : second[1]] = data[slice(*second)] + data[first[1] : second[0]] + data[slice(*first)]


def _set_number_in_part(data: bytearray, parts: Parts, rng: random.Random) -> None:
    """Sets a number near the head of a part, where formats keep its length, type and count."""
    start, end = rng.choice(parts)
    size, code = rng.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    if end - start >= size:
        position = start + rng.randrange(min(end - start - size, 24) + 1)
        number = rng.choice((*_EXTREMES, len(data), start)) % (1 << 8 * size)
        struct.pack_into(rng.choice("<>") + code, data, position, number)


def _damage_part(data: bytearray, parts: Parts, rng: random.Random) -> None:
    start, end = rng.choice(parts)
    part = data[start:end]
    rng.choice(_BYTE_MUTATIONS)(part, rng)
    data[start:end] = part


_BYTE_MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip_bits,
    _flip_bit_of_header,
    _cut_end,
    _remove_piece,
    _insert_bytes,
    _overwrite_bytes,
    _set_number,
)
_PART_MUTATIONS: tuple[Callable[[bytearray, Parts, random.Random], None], ...] = (
    _duplicate_part,
    _remove_part,
    _swap_parts,
    _set_number_in_part,
    _set_number_in_part,
    _damage_part,
)
