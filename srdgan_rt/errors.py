"""The error tree: everything that srdgan_rt raises on purpose is a :class:`SrdganError`.

Each message is one line that states the rule and the offending value, and can be shown to users as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Collection


class SrdganError(Exception):
    """Root of all errors raised on purpose."""


class InputError(SrdganError, ValueError):
    """An argument, option or array breaks a rule (wrong shape, dtype, range, name)."""


class ImageReadError(SrdganError):
    """A picture cannot be decoded: missing, truncated, damaged or of an unknown format."""


class ImageTooLargeError(ImageReadError):
    """A picture declares more pixels than the limit allows (decompression bomb guard)."""


class ImageWriteError(SrdganError):
    """A picture cannot be encoded or stored: format limits, missing folder, full disk."""


class CheckpointError(SrdganError):
    """A weight file cannot be read, is damaged, or does not fit the network."""


class UnknownModelError(CheckpointError, InputError):
    """What was given as a model leads to no network: an unknown name, a file that is missing, a wrong mix."""


class ExtensionError(SrdganError):
    """The compiled extension cannot be used."""


class ExtensionNotBuiltError(ExtensionError):
    """The package was installed without its compiled extension."""


class ExtensionLoadError(ExtensionError):
    """The compiled extension is there but cannot be loaded."""


class BackendUnavailableError(SrdganError):
    """The requested engine or device cannot run here; the message says why."""


NO_FAST_INT8 = "int8 needs a processor with VNNI (AVX-512 VNNI or AVX-VNNI), or an ARM processor with dotprod"
"""Why the native engine and ``Session`` refuse int8: without these instructions it is slower than fp32."""


NO_FAST_BF16 = "bf16 needs an Intel processor with AMX, and Linux"
"""Why the native engine and ``Session`` refuse bf16: without AMX it is far slower than fp32."""


class EngineFileError(SrdganError):
    """A prebuilt engine is damaged, foreign, or of another version."""


class LatencyError(SrdganError):
    """A picture would take longer than the limit that was set."""


class CancelledError(SrdganError):
    """Work was cancelled from another thread."""


def describe(error: BaseException, options: Collection[str] = ()) -> str:
    """An error in one line that a user can act on.

    Args:
        error: the error.
        options: what the user can set, such as ``max_pixels`` for ``--max-pixels``. Advice names these options only.
    """
    if isinstance(error, SrdganError):
        is_liftable = isinstance(error, ImageTooLargeError) and "max_pixels" in options
        return one_line(str(error)) + ("; lift it with --max-pixels if the file can be trusted" if is_liftable else "")
    if _is_out_of_memory(error):
        return "not enough memory: close other programs" + (", or choose a smaller --tile" if "tile" in options else "")
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return one_line(f"{place}{error.strerror}")
    first_line = str(error).strip().partition("\n")[0]
    return one_line(f"unexpected {type(error).__name__}: {first_line} (--debug shows where)")


def install_hint(extra: str) -> str:
    """The command that installs the optional packages of an extra, for messages."""
    return f"pip install 'srdgan_rt[{extra}]'"


def one_line(text: str) -> str:
    """Escapes control characters and undecodable bytes, which file names may hold."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _is_out_of_memory(error: BaseException) -> bool:
    # Looked up, not imported: the error may come from an import, and only a loaded runtime raises its own errors.
    memory = sys.modules.get("srdgan_rt.runtime.memory")
    return isinstance(error, MemoryError) if memory is None else bool(memory.is_out_of_memory(error))
