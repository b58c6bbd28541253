"""Runs a network on pictures of any size."""

from srdgan_rt.runtime.calibration import measure_ranges
from srdgan_rt.runtime.engines import EngineStatus, list_engines
from srdgan_rt.runtime.upscaler import Upscaler

__all__ = ["EngineStatus", "Upscaler", "list_engines", "measure_ranges"]
