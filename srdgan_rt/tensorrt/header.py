"""The first bytes of a TensorRT-RTX engine, which can be read without a GPU and without the library.

The layout is not documented; it was read off engines of version 1.7 that were built for known targets: ``vtrt`` at 0,
the size of the file at 16, the version at 24, the compute capabilities at 32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from srdgan_rt.errors import EngineFileError
from srdgan_rt.tensorrt.targets import RTX_TARGETS

_LAYOUT = struct.Struct("<4s12xQ4s4xI")
_MAGIC = b"vtrt"


@dataclass(frozen=True)
class Header:
    """What an engine says of itself.

    Args:
        version: of the library that built it.
        size: of the whole file in bytes.
        targets: compute capabilities that it holds code for.
    """

    version: str
    size: int
    targets: tuple[str, ...]


def read_header(plan: bytes) -> Header:
    """Reads the header of an engine.

    Args:
        plan: the whole engine.

    Raises:
        EngineFileError: it is no TensorRT-RTX engine, is cut off, or names no target that is known.
    """
    if len(plan) < _LAYOUT.size or not plan.startswith(_MAGIC):
        raise EngineFileError(f"it is no TensorRT-RTX engine: it must begin with {_MAGIC!r}, got {plan[:4]!r}")
    _, size, version, mask = _LAYOUT.unpack_from(plan)
    if size != len(plan):
        raise EngineFileError(f"it is damaged: its header states {size} bytes, it has {len(plan)}")
    targets = tuple(name for name, bit in RTX_TARGETS.items() if mask & bit)
    if not targets:
        raise EngineFileError(f"it is built for no known GPU: its capability mask is {mask:#x}")
    return Header(".".join(map(str, version)), size, targets)
