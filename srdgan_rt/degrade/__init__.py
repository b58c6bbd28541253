"""From clean photographs to small noisy ones: the high-to-low net at work, and the pairs made with it (GMSR)."""

from srdgan_rt.degrade.degrader import Degrader

__all__ = ["Degrader"]
