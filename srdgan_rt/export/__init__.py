"""Exports networks as ONNX graphs, and as weights of RRDBNet."""

from srdgan_rt.export.calibration import measure_input_ranges
from srdgan_rt.export.model_file import export_model
from srdgan_rt.export.onnx_export import FORMS, PRECISIONS, QUANTIZED, export_onnx
from srdgan_rt.export.rrdbnet import export_rrdbnet, widen_growth
from srdgan_rt.export.scales import measure_scales

__all__ = [
    "FORMS",
    "PRECISIONS",
    "QUANTIZED",
    "export_model",
    "export_onnx",
    "export_rrdbnet",
    "measure_input_ranges",
    "measure_scales",
    "widen_growth",
]
