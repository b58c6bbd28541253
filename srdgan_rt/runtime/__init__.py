"""Runs a network on pictures of any size."""

from srdgan_rt.runtime.auto import AUTO, AutoUpscaler, choose_upscaler, open_upscaler
from srdgan_rt.runtime.calibration import measure_ranges
from srdgan_rt.runtime.engines import EngineStatus, list_engines
from srdgan_rt.runtime.upscaler import Upscaler

__all__ = [
    "AUTO",
    "AutoUpscaler",
    "EngineStatus",
    "Upscaler",
    "choose_upscaler",
    "list_engines",
    "measure_ranges",
    "open_upscaler",
]
