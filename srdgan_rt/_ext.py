"""Finds and loads the compiled extension, the shared library that registers ``torch.ops.srdgan_rt``.

'Not built' (the package was installed without it) and 'cannot load' (it is there, but the loader or torch refuses it)
are two errors, because they have different remedies. Importing this module never fails: the package works without its
extension.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from srdgan_rt._library import PACKAGE, find_library, read_record
from srdgan_rt._sources import digest_sources
from srdgan_rt.errors import NO_FAST_BF16, ExtensionError, ExtensionLoadError, ExtensionNotBuiltError

logger = logging.getLogger("srdgan_rt")

_LIBRARY = PACKAGE / "_C.abi3.so"


# Flags instead of functools.cache: torch.compile can read a global, but would trace into a cached function.
_tried = False
_error: ExtensionError | None = None
_cuda_device: str | None = None


def _try_load(library: Path) -> ExtensionError | None:
    """Loads the library; returns the error that stands in the way, or None."""
    try:
        torch.ops.load_library(str(library))
        torch.ops.srdgan_rt.cpu_isa()  # refuses a wrong SRDGAN_RT_CPU_ISA now and not in the middle of a picture
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        return ExtensionLoadError(f"the compiled extension {library.name} cannot be loaded: {reason}")
    return None


def _load() -> ExtensionError | None:
    global _tried, _error
    if not _tried:
        library, missing = find_library(_LIBRARY)
        _error = _try_load(library) if missing is None else ExtensionNotBuiltError(missing)
        _tried = True
        if _error is None:
            find_cuda_ops()
    return _error


def load() -> None:
    """Makes ``torch.ops.srdgan_rt`` available; later calls cost nothing.

    Raises:
        ExtensionNotBuiltError: the package was installed without its extension.
        ExtensionLoadError: the library is there but cannot be loaded.
    """
    error = _load()
    if error is not None:
        raise error


def is_available() -> bool:
    """Whether the compiled ops can be used."""
    return _load() is None


def why_not() -> str | None:
    """One line that says why the compiled ops cannot be used, or None where they can."""
    error = _load()
    return None if error is None else str(error)


def why_no_cuda() -> str | None:
    """One line that says why the CUDA ops of the network cannot be used, or None where they can."""
    if (reason := why_not()) is not None:
        return reason
    if _cuda_device is not None:
        return None
    return "the compiled extension has no CUDA kernels; with nvcc, SRDGAN_RT_CUDA=1 pip install . builds them"


def load_cuda() -> str:
    """Makes sure that the CUDA ops of the network can be used.

    Returns:
        The type of device that they run on: ``cuda``, or ``cpu`` in tests that execute the kernels there.

    Raises:
        ExtensionError: they cannot; the message says why.
    """
    load()
    if _cuda_device is None:
        raise ExtensionNotBuiltError(str(why_no_cuda()))
    return _cuda_device


def find_cuda_ops() -> None:
    """Finds out whether the libraries that are loaded have the CUDA ops of the network, and for which device."""
    global _cuda_device
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    devices = (key.lower() for key in ("CUDA", "CPU") if has_kernel("srdgan_rt::l2h_net_cuda", key))
    _cuda_device = next(devices, None)


def warn_if_unexpected() -> None:
    """Logs one line if compiled ops should exist but cannot be used, because everything is then far slower.

    Logs nothing where the package was installed without its extension, because that was a decision.
    """
    error = _load()
    if isinstance(error, ExtensionLoadError) or (error is not None and digest_sources(PACKAGE.parent) is not None):
        _warn_once(f"running on PyTorch alone, 3 to 5 times slower: {error}")


@lru_cache
def _warn_once(message: str) -> None:
    logger.warning(message)


def library() -> Path | None:
    """The library in use, or None where there is none."""
    path, missing = find_library(_LIBRARY)
    return path if missing is None else None


def build_record() -> dict[str, Any] | None:
    """The build record of the library: version, commit, compiler, torch, CUDA architectures.

    Returns:
        The record that the build wrote beside the library, or None where there is no library.
    """
    path = library()
    return None if path is None else read_record(path)


def is_current() -> bool | None:
    """Whether the library was built from the sources beside the package; None where that is not known."""
    recorded, present = (build_record() or {}).get("sources"), digest_sources(PACKAGE.parent)
    return None if recorded is None or present is None else bool(recorded == present)


def has_fast_int8() -> bool:
    """Whether the CPU kernels use instructions that add up four products of bytes at a time.

    These are VNNI on x86-64, and dotprod or i8mm on ARM. Without them int8 is slower than fp32.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return bool(torch.ops.srdgan_rt.has_fast_int8())


def has_fast_bf16() -> bool:
    """Whether the CPU kernels use instructions that multiply matrices of bfloat16: Intel's AMX, on Linux.

    Without them bf16 is far slower than fp32.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return bool(torch.ops.srdgan_rt.has_fast_bf16())


def why_no_bf16() -> str | None:
    """Why the CPU kernels cannot be used, or would be slow, in bf16, in one line; None where they are fast."""
    if (reason := why_not()) is not None:
        return reason
    return None if has_fast_bf16() else NO_FAST_BF16


def cpu_isa() -> str:
    """The instruction set that the CPU kernels use in this process.

    One of ``avx512``, ``avx2`` (x86-64), ``neon_i8mm``, ``neon_dotprod``, ``neon`` (64-bit ARM) and ``portable``. It
    is the best one of the processor, unless the environment variable ``SRDGAN_RT_CPU_ISA`` names another.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return str(torch.ops.srdgan_rt.cpu_isa())


def cpu_isas() -> list[str]:
    """The instruction sets of the CPU kernels that this processor has, best first.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return str(torch.ops.srdgan_rt.cpu_isas()).split()
