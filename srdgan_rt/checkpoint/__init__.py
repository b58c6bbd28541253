"""Weight files: reading, writing, and the models that are shipped with the package."""

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.checkpoint.load import load_h2l, load_model
from srdgan_rt.checkpoint.model import H2LModel, Model
from srdgan_rt.checkpoint.pair import has_sharp_weights
from srdgan_rt.checkpoint.ranges import ranges_path, save_ranges
from srdgan_rt.checkpoint.save import save_model
from srdgan_rt.checkpoint.shipped import DEFAULT_DEGRADATION, DEFAULT_MODEL, available_degradations, available_models

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
