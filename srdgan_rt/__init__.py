"""x4 super-resolution and denoising of phone photographs.

``Upscaler`` enlarges pictures; ``AutoUpscaler`` does so with the model that fits the noise of each; ``Degrader`` makes
small, noisy pictures from clean ones; ``Session`` enlarges pictures and camera frames without PyTorch. They are
imported on first use, so that ``import srdgan_rt`` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srdgan_rt.degrade import Degrader
    from srdgan_rt.runtime import AutoUpscaler, Upscaler
    from srdgan_rt.session import Session

    __version__: str

__all__ = ["AutoUpscaler", "Degrader", "Session", "Upscaler", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("AutoUpscaler", "Upscaler"):
        from srdgan_rt import runtime

        return getattr(runtime, name)
    if name == "Degrader":
        from srdgan_rt.degrade import Degrader

        return Degrader
    if name == "Session":
        from srdgan_rt.session import Session

        return Session
    if name == "__version__":
        return _read_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _read_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("srdgan_rt")
    except metadata.PackageNotFoundError:  # a source tree on sys.path that was never installed
        return "0+source"
