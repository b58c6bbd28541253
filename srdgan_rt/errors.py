"""The error tree: everything that srdgan_rt raises on purpose is a :class:`SrdganError`.

Each message is one line that states the rule and the offending value, and can be shown to users as it is.
"""

from __future__ import annotations


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
    """The name or path of a model leads to no weight file."""


class ExtensionError(SrdganError):
    """The compiled extension cannot be used."""


class ExtensionNotBuiltError(ExtensionError):
    """The package was installed without its compiled extension."""


class ExtensionLoadError(ExtensionError):
    """The compiled extension is there but cannot be loaded."""


class BackendUnavailableError(SrdganError):
    """The requested engine or device cannot run here; the message says why."""


class EngineFileError(SrdganError):
    """A prebuilt engine is damaged, foreign, or of another version."""


class LatencyError(SrdganError):
    """A picture would take longer than the limit that was set."""


class CancelledError(SrdganError):
    """A call of a session was cancelled from another thread."""
