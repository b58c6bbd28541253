"""``include/srdgan/session_c.h`` for ctypes: structures, functions, and errors from statuses."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from functools import cache
from typing import Any

from srdgan_rt._library import PACKAGE, find_library
from srdgan_rt.errors import (
    BackendUnavailableError,
    CancelledError,
    CheckpointError,
    ExtensionLoadError,
    ExtensionNotBuiltError,
    InputError,
    LatencyError,
    SrdganError,
)

_LIBRARY = PACKAGE / "_session.abi3.so"


class Status(Structure):
    _fields_ = [("code", c_int32), ("message", c_char * 256)]


class Options(Structure):
    _fields_ = [
        ("threads", c_int64),
        ("halo", c_int64),
        ("border_padding", c_int64),
        ("parallel_for", c_void_p),
        ("user", c_void_p),
        ("precision", c_int32),
        ("ranges", c_void_p),
        ("ranges_bytes", c_size_t),
    ]


class YuvColour(Structure):
    _fields_ = [("matrix", c_int32), ("range", c_int32), ("siting", c_int32)]


class Config(Structure):
    _fields_ = [
        ("input", c_int32),
        ("output", c_int32),
        ("width", c_int64),
        ("height", c_int64),
        ("region", c_int64 * 4),
        ("input_colour", YuvColour),
        ("output_colour", YuvColour),
        ("strip_rows", c_int64),
        ("row_streaming", c_int32),
        ("max_latency_ms", c_double),
    ]


class Image(Structure):
    """``srdgan_image`` and ``srdgan_const_image``."""

    _fields_ = [("planes", c_void_p * 3), ("strides", c_int64 * 3)]


_RESULTS_AND_ARGUMENTS: dict[str, tuple[Any, list[Any]]] = {
    "has_fast_int8": (c_int32, []),
    "has_fast_bf16": (c_int32, []),
    "create": (c_void_p, []),
    "destroy": (None, [c_void_p]),
    "open": (c_int32, [c_void_p, c_char_p, POINTER(Options), POINTER(Status)]),
    "configure": (c_int32, [c_void_p, POINTER(Config), POINTER(Status)]),
    "process": (c_int32, [c_void_p, POINTER(Image), POINTER(Image), POINTER(Status)]),
    "push_rows": (c_int32, [c_void_p, POINTER(Image), c_int64, POINTER(c_int64), POINTER(Status)]),
    "pull_rows": (c_int32, [c_void_p, POINTER(Image), c_int64, POINTER(c_int64), POINTER(Status)]),
    "restart_rows": (c_int32, [c_void_p, POINTER(Status)]),
    "finished_rows": (c_int64, [c_void_p]),
    "latency_rows": (c_int64, [c_void_p]),
    "estimated_latency_ms": (c_double, [c_void_p]),
    "cancel": (None, [c_void_p]),
    "memory_bytes": (c_int64, [c_void_p]),
    "scale": (c_int64, [c_void_p]),
    "output_width": (c_int64, [c_void_p]),
    "output_height": (c_int64, [c_void_p]),
}

# By the codes of session_c.h.
_ERRORS: dict[int, type[SrdganError]] = {
    1: InputError,
    2: CheckpointError,
    3: BackendUnavailableError,
    4: CancelledError,
    5: InputError,
    6: CheckpointError,
    7: LatencyError,
}


@cache
def load() -> ctypes.CDLL:
    """The library. Its calls release the GIL.

    Raises:
        ExtensionNotBuiltError: the package was installed without its compiled parts.
        ExtensionLoadError: the library is there but cannot be loaded.
    """
    path, missing = find_library(_LIBRARY)
    if missing is not None:
        raise ExtensionNotBuiltError(missing)
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _RESULTS_AND_ARGUMENTS.items():
            function = getattr(library, f"srdgan_session_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise ExtensionLoadError(f"the library {path.name} cannot be loaded: {error}") from error
    return library


def has_fast_int8() -> bool:
    """Whether this processor has instructions for int8; without them it is slower than fp32.

    Raises:
        ExtensionError: the library cannot be used.
    """
    return bool(load().srdgan_session_has_fast_int8())


def has_fast_bf16() -> bool:
    """Whether this processor multiplies matrices of bfloat16; without that bf16 is far slower than fp32.

    Raises:
        ExtensionError: the library cannot be used.
    """
    return bool(load().srdgan_session_has_fast_bf16())


def check(status: Status) -> None:
    """Raises the error that a status stands for, if it stands for one."""
    if status.code != 0:
        raise _ERRORS[status.code](status.message.decode())
