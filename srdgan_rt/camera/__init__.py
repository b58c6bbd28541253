"""A camera model: what a phone does to a clean picture between the lens and the file."""

from srdgan_rt.camera.demosaic import BAYER_PATTERNS
from srdgan_rt.camera.library import Phone, random_camera, read_library
from srdgan_rt.camera.model import Camera, linear_to_srgb, simulate_capture, srgb_to_linear

__all__ = [
    "BAYER_PATTERNS",
    "Camera",
    "Phone",
    "linear_to_srgb",
    "random_camera",
    "read_library",
    "simulate_capture",
    "srgb_to_linear",
]
