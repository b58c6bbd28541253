"""x4 super-resolution and denoising of phone photographs.

``Upscaler`` enlarges pictures; ``Degrader`` makes small, noisy pictures from clean ones. Both are imported on first
use, so that ``import srdgan_rt`` is fast.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srdgan_rt.degrade import Degrader
    from srdgan_rt.runtime import Upscaler

__all__ = ["Degrader", "Upscaler", "__version__"]

try:
    __version__ = metadata.version("srdgan_rt")
except metadata.PackageNotFoundError:  # a source tree on sys.path that was never installed
    __version__ = "0+source"


def __getattr__(name: str) -> Any:
    if name == "Upscaler":
        from srdgan_rt.runtime import Upscaler

        return Upscaler
    if name == "Degrader":
        from srdgan_rt.degrade import Degrader

        return Degrader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
