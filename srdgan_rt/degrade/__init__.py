"""Makes small, noisy pictures from clean ones with a high-to-low net, and training pairs from them (GMSR)."""

from srdgan_rt.degrade.degrader import Degrader

__all__ = ["Degrader"]
