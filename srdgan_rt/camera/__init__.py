"""A camera model: what a phone does to a clean picture between the lens and the file."""

from srdgan_rt.camera.model import (
    BAYER_PATTERNS,
    Camera,
    linear_to_srgb,
    photograph,
    random_camera,
    read_noise_levels,
    srgb_to_linear,
)

__all__ = [
    "BAYER_PATTERNS",
    "Camera",
    "linear_to_srgb",
    "photograph",
    "random_camera",
    "read_noise_levels",
    "srgb_to_linear",
]
