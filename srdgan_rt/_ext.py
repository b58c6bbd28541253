"""Finds and loads the compiled extension, the shared library that registers ``torch.ops.srdgan_rt``.

'Not built' (the package was installed without it) and 'cannot load' (it is there, but the loader or torch refuses it)
are two errors with two cures, and are kept apart. Nothing here raises on import: a package without its extension works.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from srdgan_rt.errors import ExtensionError, ExtensionLoadError, ExtensionNotBuiltError

_LIBRARY = Path(__file__).with_name("_C.abi3.so")
_BUILD_RECORD = Path(__file__).with_name("_C.build.json")


# A plain flag and not functools.cache: torch.compile can look at a global, and would trace into a cached function.
_tried = False
_error: ExtensionError | None = None


def _try_load(library: Path) -> ExtensionError | None:
    """Loads the library; returns the error that stands in the way, or None."""
    if not library.exists():
        return ExtensionNotBuiltError(
            "the compiled extension was not built; reinstall without SRDGAN_RT_NO_EXT=1, or use engine 'torch'"
        )
    try:
        torch.ops.load_library(str(library))
        torch.ops.srdgan_rt.cpu_isa()  # refuses a wrong SRDGAN_RT_CPU_ISA now, not in the middle of a picture
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        return ExtensionLoadError(f"the compiled extension {library.name} cannot be loaded: {reason}")
    return None


def _load() -> ExtensionError | None:
    global _tried, _error
    if not _tried:
        _error = _try_load(_LIBRARY)
        _tried = True
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


def build_record() -> dict[str, Any] | None:
    """What the library was built from and with (version, commit, compiler, torch, CUDA architectures).

    Returns:
        The record that the build wrote beside the library, or None where there is no library.
    """
    if not _LIBRARY.exists() or not _BUILD_RECORD.exists():
        return None
    record: dict[str, Any] = json.loads(_BUILD_RECORD.read_text(encoding="utf-8"))
    return record


def has_vnni() -> bool:
    """Whether the CPU kernels multiply bytes with instructions made for it, four products at a time.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return bool(torch.ops.srdgan_rt.has_vnni())


def cpu_isa() -> str:
    """The instruction set that the CPU kernels use in this process: ``avx512``, ``avx2`` or ``portable``.

    The best one of the processor, unless the environment variable ``SRDGAN_RT_CPU_ISA`` named another at load time.

    Raises:
        ExtensionError: the compiled extension cannot be used.
    """
    load()
    return str(torch.ops.srdgan_rt.cpu_isa())
