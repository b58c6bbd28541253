"""The two networks and their sizes."""

from srdgan_rt.models.h2l import H2LNet, draw_noise
from srdgan_rt.models.l2h import L2HNet
from srdgan_rt.models.spec import DEFAULT_HALO, ModelSpec

__all__ = ["DEFAULT_HALO", "H2LNet", "L2HNet", "ModelSpec", "draw_noise"]
