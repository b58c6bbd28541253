"""What the tests of sessions share."""

from __future__ import annotations

import numpy as np

from srdgan_rt import Session, Upscaler


def random_picture(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    values = np.random.default_rng(height * width).random((height, width, 3))
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return (values * white).astype(dtype)


def check_formats_agree(session: Session, upscaler: Upscaler, height: int, width: int) -> None:
    """Other formats of the same pixels give the bits of ``Upscaler``."""
    picture = random_picture(height, width)
    expected = upscaler.upscale(picture)
    session.configure(height, width, input="bgr8", output="rgb_planar8")
    np.testing.assert_array_equal(session.process(picture[..., ::-1].copy()), expected.transpose(2, 0, 1))
    session.configure(height, width, input="rgb_planar_float", output="bgr8")
    planes = [np.ascontiguousarray(picture[..., c] / np.float32(255)) for c in range(3)]
    np.testing.assert_array_equal(session.process(planes), expected[..., ::-1])
