"""Weight files: reading, writing, and the models that are shipped with the package.

All but the names of shipped models is imported on first use, because it needs PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from srdgan_rt.checkpoint.shipped import DEFAULT_DEGRADATION, DEFAULT_MODEL, available_degradations, available_models

if TYPE_CHECKING:
    from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
    from srdgan_rt.checkpoint.load import load_h2l, load_model
    from srdgan_rt.checkpoint.model import H2LModel, Model
    from srdgan_rt.checkpoint.pair import has_sharp_weights
    from srdgan_rt.checkpoint.ranges import ranges_path, save_ranges
    from srdgan_rt.checkpoint.save import save_model

__all__ = [
    "DEFAULT_DEGRADATION",
    "DEFAULT_MODEL",
    "DIGEST_KEY",
    "H2LModel",
    "Model",
    "available_degradations",
    "available_models",
    "digest_tensors",
    "has_sharp_weights",
    "load_h2l",
    "load_model",
    "ranges_path",
    "save_model",
    "save_ranges",
]

_MODULES = {
    "DIGEST_KEY": "digest",
    "digest_tensors": "digest",
    "load_h2l": "load",
    "load_model": "load",
    "H2LModel": "model",
    "Model": "model",
    "has_sharp_weights": "pair",
    "ranges_path": "ranges",
    "save_ranges": "ranges",
    "save_model": "save",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
